//! Races whose truth is known: how often the chosen arm is close to the best, what is dropped, what ties lead to, what it costs,
//! and whether a race repeats.
//!
//! An image has a difficulty that all arms share and one of its own for each arm; an arm is right where its quality exceeds
//! them. So the true accuracy of an arm is known, and arms err on the same images, as networks do.

mod shared;
mod task;

use records::Depth;
use search::{
    Answers, Arm, Budget, Calibration, Cell, CellResult, End, Kind, Next, Race, Rules, Setup, Statement, Tier,
};

use task::{FOLDS, Raced, Task, arm, drawn, field, prior, task};

#[test]
fn the_chosen_arm_is_close_to_the_best_and_closer_than_the_default() {
    // Number of images, standard deviation of the arms' gains, share within one point and mean regret at worst.
    for (count, least_close, most_regret) in [(40, 0.10, 3.4), (200, 0.45, 1.7), (1000, 0.8, 0.7)] {
        let (mut close, mut regret, mut of_default) = (0, 0.0, 0.0);
        let tasks = 20;
        for seed in 0..tasks {
            let task = drawn(2.0, count, seed);
            let raced = task.race(3.0);
            let chosen = raced.race.decision().unwrap().chosen;
            close += usize::from(task.regret(&raced, chosen) <= 1.0);
            regret += task.regret(&raced, chosen) / tasks as f64;
            of_default += task.regret(&raced, 0) / tasks as f64;
        }
        let close = close as f64 / tasks as f64;
        eprintln!(
            "{count} images: within one point {close:.2}, regret {regret:.2}, of the first arm {of_default:.2}"
        );
        assert!(close >= least_close && regret <= most_regret, "{count}: {close} {regret}");
        assert!(regret < of_default - 0.3, "{count}: {regret}, the default {of_default}");
    }
}

#[test]
fn an_arm_without_hope_is_dropped_after_two_folds_and_a_good_one_is_not() {
    let (mut dropped, mut best_dropped, races) = (0u64, 0u64, 20);
    for seed in 0..races {
        let arms = field();
        let hopeless = arms.iter().position(|arm| arm.name == "last:1 x 1").unwrap();
        let good = arms.iter().position(|arm| arm.name == "last:2 x 0.1").unwrap();
        let mut truth = vec![0.85; arms.len()];
        (truth[hopeless], truth[good]) = (0.65, 0.88);
        let task = task(arms, truth, 200, seed);
        let raced = task.race(3.0);
        dropped += u64::from(raced.race.dropped(hopeless).is_some_and(|it| it.folds == 2));
        best_dropped += u64::from(raced.race.dropped(good).is_some());
        let folds_of_hopeless = raced.cells.iter().filter(|cell| cell.arm == hopeless).count();
        assert!(raced.race.dropped(hopeless).is_none() || folds_of_hopeless < FOLDS);
    }
    assert!(dropped >= races * 9 / 10, "{dropped} of {races}");
    assert!(best_dropped <= races / 20, "{best_dropped} of {races}");
}

#[test]
fn of_arms_that_tie_the_cheaper_is_taken() {
    let (mut first, mut last, races) = (0u64, 0u64, 20);
    for seed in 0..races {
        let arms = field();
        let count = arms.len();
        let task = task(arms, vec![0.85; count], 200, seed);
        let raced = task.race(3.0);
        let chosen = raced.race.decision().unwrap().chosen;
        first += u64::from(task.arms[chosen].tier == Tier::Free);
        last += u64::from(task.arms[chosen].tier == Tier::Deep);
        // Whatever is taken lies within one standard error of the arm in front; nothing cheaper does, and of what costs the
        // same nothing lies further ahead.
        let decision = raced.race.decision().unwrap();
        let of = |arm: usize| decision.candidates.iter().find(|it| it.arm == arm).unwrap();
        for candidate in &decision.candidates {
            let within = candidate.behind <= candidate.error;
            let [own, taken] = [candidate.arm, chosen].map(|arm| task.arms[arm].tier);
            assert!(candidate.arm != chosen || within);
            assert!(own >= taken || !within);
            assert!(own > taken || !within || candidate.behind >= of(chosen).behind);
        }
    }
    assert!(first >= races * 9 / 10 && last <= races / 10, "{first} free, {last} deep of {races}");
    // Clones lie as far ahead, and one of them is taken.
    let (mut arms, best) = (field(), 3);
    let mut twin = arms[best].clone();
    twin.name += ", again";
    arms.push(twin);
    let mut truth = vec![0.8; arms.len()];
    truth[best] = 0.95;
    let mut task = task(arms, truth, 200, 3);
    task.margins.pop();
    task.margins.push(task.margins[best].clone());
    let decision = task.race(3.0).race.decision().unwrap();
    for clone in [best, task.arms.len() - 1] {
        let candidate = decision.candidates.iter().find(|it| it.arm == clone).unwrap();
        assert!(candidate.behind < 1e-6, "{candidate:?}");
    }
    assert!([best, task.arms.len() - 1].contains(&decision.chosen), "{}", decision.chosen);
}

#[test]
fn the_budget_is_never_exceeded_and_more_of_it_tries_more() {
    let mut tried = Vec::new();
    for budget in [0.0, 0.2, 1.0, 2.0, 3.0, 10.0] {
        let mut most = 0.0f64;
        let mut cells = 0;
        for seed in 0..4 {
            let raced = drawn(3.0, 500, seed).race(budget);
            most = most.max(raced.race.spent().final_runs);
            cells += raced.cells.len();
            assert!(raced.end != End::Budget || raced.race.spent().final_runs > budget - 0.8 - 1e-9);
        }
        assert!(most <= budget + 1e-9, "{most} of {budget}");
        tried.push(cells);
    }
    assert!(tried.is_sorted() && tried[0] == 4 * 10 * FOLDS && tried[4] > tried[2], "{tried:?}");
    // By the clock a race learns its pace, and exceeds the limit by one cell at most.
    let task = drawn(3.0, 500, 1);
    let setup = Setup {
        arms: task.arms.clone(),
        images: task.images.clone(),
        rules: Rules::default(),
        budget: Budget::Minutes(4.0),
        prior: prior(),
        seed: 7,
    };
    let mut race = Race::new(setup).unwrap();
    let mut dearest = 0.0f64;
    while let Next::Run(cell) = race.next() {
        assert!(race.spent().minutes <= 4.0);
        let minutes = 2.0 * task.arms[cell.arm].fold_cost;
        dearest = dearest.max(minutes);
        race.record(&CellResult { minutes, ..task.result(cell) }).unwrap();
    }
    assert!(race.spent().minutes <= 4.0 + dearest && race.spent().minutes > 2.0, "{:?}", race.spent());
}

#[test]
fn deep_arms_are_tried_only_where_they_can_pay() {
    let deep = |task: &Task| {
        let raced = task.race(3.0);
        raced.cells.iter().any(|cell| task.arms[cell.arm].tier == Tier::Deep)
    };
    let with = |count: usize, change: &dyn Fn(&Arm) -> f64, seed: u64| {
        let arms = field();
        let truth = arms.iter().map(|arm| 0.85 + change(arm)).collect();
        task(arms, truth, count, seed)
    };
    let share = |count: usize, change: &dyn Fn(&Arm) -> f64| {
        (0..10).filter(|&seed| deep(&with(count, change, seed))).count()
    };
    let flat = |_: &Arm| 0.0;
    let two = |arm: &Arm| if arm.kind == Kind::Depth(Depth::Last(2)) { 0.07 } else { 0.0 };
    let unlike = |arm: &Arm| if arm.name == "stage 4" { 0.09 } else { 0.0 };
    assert_eq!(share(30, &two), 0, "too few images");
    assert_eq!(share(400, &flat), 10, "enough images");
    // What is said of them: whether any was measured, and of what was not, no more than is known.
    let said = |count: usize, budget: f64, seed: u64| {
        let raced = with(count, &flat, seed).race(budget);
        let (about, calibration) = (search::record::About::default(), Calibration::shipped().unwrap());
        search::record::standing(&raced.race, &about, &calibration).unwrap().deep.unwrap_or_default()
    };
    assert_eq!(said(30, 3.0, 0), "not tried: too few images to tell deep arms from others");
    assert_eq!(said(400, 3.0, 0), "tried: enough images for a deep arm to learn from");
    let could = "not reached, though they could pay: enough images for a deep arm to learn from";
    assert_eq!(said(400, 0.0, 0), could);
    let unknown = "not tried: no earlier stage gains anything, and going back further was not measured";
    assert!((0..10).any(|seed| said(200, 0.0, seed) == unknown));
    assert!(share(200, &two) >= 8, "{}", share(200, &two));
    assert!(share(200, &unlike) >= 8, "{}", share(200, &unlike));
    assert!(share(200, &flat) <= 6, "{}", share(200, &flat));
}

#[test]
fn a_network_that_ends_early_is_trained_where_its_end_is_the_best_and_unlike_images_come_to_it_first() {
    let mut arms = field();
    let ends = [3, 5].map(|stage| {
        let linear = arms.iter().position(|arm| arm.name == format!("stage {stage}")).unwrap();
        let mut ended = arm(&format!("all, to {stage}"), Kind::Depth(Depth::All), Tier::Deep, 0.6);
        ended.ends_as = Some(linear);
        arms.push(ended);
        arms.len() - 1
    });
    let tried = |raced: &Raced, arm: usize| raced.cells.iter().position(|cell| cell.arm == arm);
    let trained =
        |raced: &Raced| raced.cells.iter().position(|cell| arms[cell.arm].tier == Tier::Cached).unwrap();
    let with = |gain: &dyn Fn(&Arm) -> f64, seed: u64| {
        let truth = arms.iter().map(|arm| 0.8 + gain(arm)).collect();
        task(arms.clone(), truth, 400, seed).race(3.0)
    };
    for seed in 0..5 {
        let unlike = with(&|arm| if arm.name == "stage 5" { 0.12 } else { 0.0 }, seed);
        assert_eq!(tried(&unlike, ends[0]), None);
        assert!(tried(&unlike, ends[1]).unwrap() < trained(&unlike), "before what trains late stages");
        let alike = with(&|arm| if arm.name.starts_with("stage l") { 0.05 } else { 0.0 }, seed);
        let deep = alike.cells.iter().position(|cell| arms[cell.arm].tier == Tier::Deep).unwrap();
        assert!(trained(&alike) < deep, "late stages first");
        // Half of the budget is left for deep arms.
        let spent: f64 = alike.cells[..deep].iter().map(|cell| arms[cell.arm].fold_cost).sum();
        assert!(spent <= 1.5 + 1e-9, "{spent}");
    }
}

#[test]
fn what_it_says_of_being_close_is_about_what_happens() {
    // Gains that are as the prior expects them.
    let (mut said, mut happened, mut loss_said, mut loss, races) = (0.0, 0.0, 0.0, 0.0, 30);
    let calibration = Calibration::shipped().unwrap();
    for seed in 0..races {
        let task = drawn(3.0, 200, 1000 + seed);
        let raced = task.race(3.0);
        let decision = raced.race.decision().unwrap();
        let statement = Statement::of(&raced.race, &decision, &calibration);
        let regret = task.regret(&raced, decision.chosen);
        said += statement.computed / races as f64;
        happened += f64::from(u8::from(regret <= 1.0)) / races as f64;
        loss_said += statement.expected_loss / races as f64;
        loss += regret / races as f64;
        assert!(statement.alike >= 1 && statement.alike <= statement.tried);
        let sentence = statement.sentence("x", 1.0);
        assert!(sentence.contains(&format!("of {} tried", statement.tried)), "{sentence}");
        assert_eq!(sentence.contains("uncalibrated"), !calibration.fitted, "{sentence}");
    }
    eprintln!(
        "within one point: said {said:.2}, happened {happened:.2}; loss: said {loss_said:.2}, was {loss:.2}"
    );
    assert!((said - happened).abs() < 0.2, "{said} {happened}");
    assert!((loss_said - loss).abs() < 0.8, "{loss_said} {loss}");
}

#[test]
fn the_accuracy_of_the_chosen_is_not_flattered() {
    // Many arms of one accuracy: the best looks better than it is, and what is said of it does not.
    let (mut naive, mut corrected, races) = (0.0, 0.0, 15);
    for seed in 0..races {
        let arms = field();
        let count = arms.len();
        let task = task(arms, vec![0.8; count], 60, seed);
        let race = task.race(3.0).race;
        let best = (0..count).map(|arm| race.measured(arm).accuracy()).fold(0.0, f64::max);
        naive += best / races as f64;
        corrected += search::selection::accuracy(&race.field()).unwrap().accuracy / races as f64;
    }
    assert!(naive > 0.83, "{naive}");
    assert!((corrected - 0.8).abs() < 0.02, "{corrected}");
}

#[test]
fn a_race_repeats_and_its_results_are_checked() {
    let task = drawn(3.0, 120, 5);
    let (one, other) = (task.race(3.0), task.race(3.0));
    assert_eq!(one.cells, other.cells);
    assert_eq!(one.race.decision(), other.race.decision());
    let mut race = one.race.clone();
    let cell = one.cells[0];
    let problem = |race: &mut Race, result: &CellResult| race.record(result).unwrap_err().to_string();
    assert!(problem(&mut race, &task.result(cell)).contains("known already"));
    let strange = Cell { arm: 99, fold: 0 };
    assert!(
        problem(&mut race, &CellResult { cell: strange, held_out: Vec::new(), minutes: 0.0 })
            .contains("no such")
    );
    let setup = Setup {
        arms: task.arms.clone(),
        images: task.images.clone(),
        rules: Rules::default(),
        budget: Budget::FinalRuns(3.0),
        prior: prior(),
        seed: 7,
    };
    let mut fresh = Race::new(setup).unwrap();
    let mut torn = task.result(cell);
    torn.held_out[0].answers = Answers::Logits(vec![0.0]);
    assert!(problem(&mut fresh, &torn).contains("every held-out image"));
    let judged = Answers::Judged { losses: vec![f64::NAN; 24], correct: vec![true; 24] };
    torn.held_out[0].answers = judged;
    assert!(problem(&mut fresh, &torn).contains("finite"));
    // Answers that have a temperature already are taken as they are.
    torn.held_out[0].answers = Answers::Judged { losses: vec![0.25; 24], correct: vec![true; 24] };
    fresh.record(&torn).unwrap();
    assert_eq!((fresh.measured(cell.arm).loss(), fresh.measured(cell.arm).temperature), (0.25, None));
}

#[test]
fn an_arm_that_rides_on_another_is_measured_with_it_and_keeps_it_alive() {
    let mut arms = field();
    let carrier = arms.iter().position(|arm| arm.name == "last:1 x 1").unwrap();
    let mut truth = vec![0.85; arms.len()];
    truth[carrier] = 0.6;
    let mut rider = arm("last:1 x 1, averaged", Kind::Depth(Depth::Last(1)), Tier::Cached, 0.0);
    rider.rides_on = Some(carrier);
    arms.insert(carrier + 1, rider);
    truth.insert(carrier + 1, 0.9);
    let task = task(arms, truth, 300, 2);
    let raced = task.race(3.0);
    assert!(raced.cells.iter().all(|cell| cell.arm != carrier + 1));
    assert_eq!(raced.race.measured(carrier + 1).folds.len(), FOLDS, "its carrier went on for its sake");
    assert!(raced.race.dropped(carrier).is_some() && raced.race.dropped(carrier + 1).is_none());
    assert_eq!(raced.race.decision().unwrap().chosen, carrier + 1);
}
