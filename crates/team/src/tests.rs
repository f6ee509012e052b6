//! Two processes: this test program starts itself again as rank 1.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use records::Interrupt;
use torch_extra::distributed::Store;

use crate::rendezvous::call_roll;
use crate::{Environment, Error, Failed, Failure, Meeting, Program, Team};

/// An error of a caller.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Team(#[from] Error),
    #[error("{0}")]
    Own(&'static str),
}

impl Failed for Wrong {
    fn failure(&self) -> Failure {
        Failure { message: self.to_string(), code: 7 }
    }
}

struct Peer {
    child: Child,
    _folder: tempfile::TempDir,
    team: Team,
    interrupt: Interrupt,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn environment(path: &Path, rank: usize) -> Environment {
    Environment {
        rank,
        world: 2,
        local_rank: rank,
        local_world: 2,
        meeting: Meeting::File(path.to_owned()),
        restarts: 0,
        run: String::new(),
        error_file: None,
        interface: Some("lo".to_owned()),
        checks_calls: true,
    }
}

fn program() -> Program {
    Program { digest: "d".to_owned(), libtorch: "l".to_owned() }
}

/// Starts the test again as rank 1, and meets it; in that process returns its team.
fn meet(name: &str) -> Result<Peer, Team> {
    let interrupt = Interrupt::default();
    if let Some(path) = std::env::var_os("TEAM_STORE").map(PathBuf::from) {
        return Err(Team::join(&environment(&path, 1), &program(), &interrupt).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("tests::{name}"), "--nocapture"]);
    let child = command.env("TEAM_STORE", &path).stdout(Stdio::null()).spawn().unwrap();
    let team = Team::join(&environment(&path, 0), &program(), &interrupt).unwrap();
    Ok(Peer { child, _folder: folder, team, interrupt })
}

/// In one place for both processes.
fn hear(team: &Team) -> Result<(), Error> {
    team.hear()
}

fn both(team: &Team) {
    let rank = team.rank() as f64;
    let mut values = [rank, 1.0];
    team.sum(&mut values).unwrap();
    assert_eq!(values, [1.0, 2.0]);
    team.min(&mut values[..1]).unwrap();
    let gathered = team.gather(vec![7; 3 * team.rank()]).unwrap();
    assert_eq!(gathered, [vec![], vec![7, 7, 7]]);
    assert_eq!(team.from_lead((team.rank(), "x".to_owned())).unwrap(), (0, "x".to_owned()));
    team.set_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(team.agree(Ok::<_, Wrong>(team.rank())).unwrap(), team.rank());
    // What one cannot, none can; both are still there.
    let mine = if team.rank() == 1 { Err(Wrong::Own("no such image")) } else { Ok(()) };
    let error = team.agree(mine).unwrap_err();
    match (team.rank(), &error) {
        (0, Wrong::Team(Error::Peer { rank: 1, world: 2, failure: Some(failure) })) => {
            assert_eq!((failure.message.as_str(), failure.code), ("no such image", 7));
        }
        (1, Wrong::Own(_)) => {}
        _ => panic!("{error}"),
    }
    let made = team.while_lead(|| {
        thread::sleep(Duration::from_millis(300));
        Ok::<_, Wrong>(3)
    });
    assert_eq!(made.unwrap(), (team.rank() == 0).then_some(3));
    let refused = team.while_lead(|| Err::<(), _>(Wrong::Own("not now"))).unwrap_err();
    assert!(refused.to_string().contains("not now"), "{refused}");
}

#[test]
fn calls_of_two_processes() {
    match meet("calls_of_two_processes") {
        Err(team) => {
            both(&team);
            // Rank 1 was asked to stop by nobody, and hears of it.
            hear(&team).unwrap();
        }
        Ok(mut peer) => {
            both(&peer.team);
            peer.interrupt.request();
            assert!(!peer.interrupt.requested());
            hear(&peer.team).unwrap();
            assert!(peer.interrupt.requested());
            assert!(peer.child.wait().unwrap().success());
        }
    }
}

#[test]
fn calls_at_different_places_are_an_error_in_place_of_a_hang() {
    let name = "calls_at_different_places_are_an_error_in_place_of_a_hang";
    let order = |called: Result<(), Error>| match called {
        Err(Error::Order(places)) => {
            assert!(places.contains("rank 0 at") && places.contains("rank 1 at"), "{places}");
        }
        other => panic!("{other:?}"),
    };
    match meet(name) {
        Err(team) => order(team.sum(&mut [1.0])),
        Ok(mut peer) => {
            order(peer.team.sum(&mut [1.0]));
            assert!(peer.child.wait().unwrap().success());
        }
    }
}

#[test]
fn who_fails_or_is_killed_is_named() {
    let name = "who_fails_or_is_killed_is_named";
    match meet(name) {
        Err(team) => {
            hear(&team).unwrap();
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        }
        Ok(mut peer) => {
            hear(&peer.team).unwrap();
            peer.child.kill().unwrap();
            peer.child.wait().unwrap();
            let began = Instant::now();
            match hear(&peer.team) {
                Err(Error::Peer { rank: 1, world: 2, failure: None }) => {}
                other => panic!("{other:?}"),
            }
            assert!(began.elapsed() < Duration::from_secs(5));
            std::mem::forget(peer.team.clone());
        }
    }
}

#[test]
fn who_does_not_come_or_runs_something_else_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::file(&folder.path().join("store"), 3).unwrap();
    let identity = |digest: &str| format!(r#"{{"host":"h","pid":1,"program":"{digest}","libtorch":"l"}}"#);
    store.set("rank/0", identity("a").as_bytes()).unwrap();
    store.set("rank/2", identity("b").as_bytes()).unwrap();
    match call_roll(&store, 3, Duration::from_millis(200)) {
        Err(Error::Absent { ranks, world: 3, .. }) => assert_eq!(ranks, [1]),
        other => panic!("{other:?}"),
    }
    store.set("rank/1", identity("a").as_bytes()).unwrap();
    match call_roll(&store, 3, Duration::from_secs(1)) {
        Err(Error::Unlike { rank: 2, what: "program", .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn alone_every_call_does_nothing() {
    let team = Team::alone();
    let mut values = [2.0];
    team.sum(&mut values).unwrap();
    assert_eq!((values, team.rank(), team.world(), team.is_lead()), ([2.0], 0, 1, true));
    assert_eq!(team.gather(vec![1]).unwrap(), [[1]]);
    assert!(team.reducer(&[]).unwrap().is_none());
    assert_eq!(team.while_lead(|| Ok::<_, Wrong>(1)).unwrap(), Some(1));
}
