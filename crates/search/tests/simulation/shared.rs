//! Races of several processes, and races that are cut off.

use search::{Budget, Calibration, Cell, Cells, HeldOut, Next, Race, Rules, Setup, Trainer};

use crate::task::{Task, drawn, prior};

/// Trains by looking the answers up; gives up after some cells, or when it would have to wait.
struct Script<'a> {
    task: &'a Task,
    left: usize,
    waits: bool,
    trained: Vec<Cell>,
    lines: usize,
}

#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Race(#[from] search::Error),
}

impl Trainer for Script<'_> {
    type Error = Stopped;

    fn train(&mut self, _: &Race, cell: Cell) -> Result<Vec<HeldOut>, Stopped> {
        self.left = self.left.checked_sub(1).ok_or(Stopped::Interrupted)?;
        self.trained.push(cell);
        Ok(self.task.result(cell).held_out)
    }

    fn wait(&mut self) -> Result<(), Stopped> {
        std::thread::yield_now();
        if self.waits { Ok(()) } else { Err(Stopped::Interrupted) }
    }

    fn finished(&mut self, _: &Race, _: &records::RaceCellRecord) {
        self.lines += 1;
    }
}

fn new_race(task: &Task) -> Race {
    Race::new(Setup {
        arms: task.arms.clone(),
        images: task.images.clone(),
        rules: Rules::default(),
        budget: Budget::FinalRuns(3.0),
        prior: prior(),
        seed: 7,
    })
    .unwrap()
}

#[test]
fn three_processes_share_a_race_and_come_to_the_same_as_one() {
    let task = drawn(3.0, 120, 5);
    let whole = task.race(3.0);
    let folder = tempfile::tempdir().unwrap();
    let cells = Cells::of(folder.path());
    let mut trained: Vec<Cell> = std::thread::scope(|threads| {
        let process = || {
            let mut script = Script { task: &task, left: 999, waits: true, trained: Vec::new(), lines: 0 };
            let (mut race, mut course) = (new_race(&task), Vec::new());
            let end = search::drive(&mut race, &cells, &mut script, &mut course).unwrap();
            assert_eq!((end, race.decision()), (whole.end, whole.race.decision()));
            assert_eq!((course.len(), script.lines), (whole.cells.len(), whole.cells.len()));
            script.trained
        };
        let processes: Vec<_> = (0..3).map(|_| threads.spawn(process)).collect();
        processes.into_iter().flat_map(|process| process.join().unwrap()).collect()
    });
    let mut once = whole.cells.clone();
    trained.sort_unstable();
    once.sort_unstable();
    assert_eq!(trained, once, "each cell is trained once, by one of them");
}

#[test]
fn a_race_that_was_cut_off_goes_on_where_it_was_and_comes_to_the_same() {
    let task = drawn(3.0, 120, 5);
    let whole = task.race(3.0);
    let folder = tempfile::tempdir().unwrap();
    let cells = Cells::of(folder.path());
    let new = || new_race(&task);
    let mut first = Script { task: &task, left: 60, waits: false, trained: Vec::new(), lines: 0 };
    let (mut race, mut course) = (new(), Vec::new());
    let stopped = search::drive(&mut race, &cells, &mut first, &mut course);
    assert!(matches!(stopped, Err(Stopped::Interrupted)) && course.len() == 60);
    // A process that was killed leaves a cell without a summary: others go no further than the round that it is of.
    let Next::Run(open) = race.next() else { panic!("the race is over") };
    let held = cells.claim(&race, open).unwrap();
    assert!(held.is_some() && cells.claim(&race, open).unwrap().is_none());
    let round = race.round();
    assert_eq!(round[0], open);
    let mut other = Script { left: 999, trained: Vec::new(), ..first };
    let waited = search::drive(&mut new(), &cells, &mut other, &mut Vec::new());
    assert!(matches!(waited, Err(Stopped::Interrupted)));
    assert_eq!(other.trained, round[1..]);
    let ahead = other.trained.len();
    drop(held);

    let mut second = Script { task: &task, left: 999, waits: false, trained: Vec::new(), lines: 0 };
    let (mut race, mut course) = (new(), Vec::new());
    let end = search::drive(&mut race, &cells, &mut second, &mut course).unwrap();
    assert_eq!(end, whole.end);
    assert_eq!((course.len(), second.lines), (whole.cells.len(), whole.cells.len()));
    assert_eq!(second.trained[0], open);
    assert_eq!(second.trained[1..], whole.cells[61 + ahead..], "the finished cells were read");
    assert_eq!(race.decision(), whole.race.decision());

    let about = search::record::About { name: "letters".to_owned(), ..Default::default() };
    let calibration = Calibration::shipped().unwrap();
    let record = search::record::record(&race, &about, &course, Some(end), &calibration).unwrap();
    let chosen: Vec<&str> =
        record.arms.iter().filter(|arm| arm.state == "chosen").map(|arm| &*arm.name).collect();
    assert_eq!(chosen, [&*record.chosen]);
    assert_eq!(record.tried as usize, record.arms.iter().filter(|arm| arm.images > 0).count());
    assert!(record.statement.starts_with(&record.chosen) && record.spent <= 3.0, "{}", record.statement);
    // A cell of another race is refused.
    let path = cells.path(&race, whole.cells[0]).join("summary.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("joined", "other");
    std::fs::write(&path, text).unwrap();
    let refused = search::drive(&mut new(), &cells, &mut second, &mut Vec::new());
    assert!(refused.unwrap_err().to_string().contains("not a cell of this search"));
}
