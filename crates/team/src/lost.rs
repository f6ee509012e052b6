//! What becomes known of a process that failed.

use std::fmt::Display;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use torch_extra::distributed::Store;

use crate::error::Error;
use crate::failure::Failure;
use crate::together::Together;

/// Time for the others to say what they know, once a call has failed.
const HEARING: Duration = Duration::from_millis(1500);

/// What is known of the processes after a call has failed.
enum Heard {
    Failed(usize, Failure),
    /// Ranks that neither failed nor noticed that another did.
    Nothing(Vec<usize>),
}

impl Together {
    /// Puts a failure of this process where the others look.
    pub(crate) fn put_failure(&self, failure: &Failure) {
        let Ok(text) = serde_json::to_vec(failure) else { return };
        let _ = self.store.set(&key(self.member.rank), &text);
    }

    /// Returns the failure of a process.
    pub(crate) fn failure_of(&self, rank: usize, timeout: Duration) -> Option<Failure> {
        let text = self.store.get(&key(rank), timeout).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Reports a failure to the others and to `torchrun`, whose summary has its message.
    pub(crate) fn report(&self, failure: &Failure) {
        if let Ok(store) = self.store.another() {
            let (rank, failure) = (self.member.rank, failure.clone());
            within(Duration::from_secs(1), move || {
                let text = serde_json::to_vec(&failure).ok()?;
                store.set(&key(rank), &text).ok()
            });
        }
        if let Some(path) = &self.error_file {
            let seconds =
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
            let text = serde_json::json!({ "message": {
                "message": failure.message,
                "extraInfo": { "py_callstack": failure.message, "timestamp": seconds.to_string() },
            }});
            let _ = fs::write(path, text.to_string());
        }
    }

    /// Returns who made a call fail. The processes that notice say so, and who says nothing is gone.
    pub(crate) fn lost(&self, error: &dyn Display) -> Error {
        tracing::debug!(%error, rank = self.member.rank, "a call failed");
        // What is saved yet is read from the GPU.
        self.abort_gradients();
        let (rank, world) = (self.member.rank, self.member.world);
        let store = self.store.another();
        let heard = store.ok().and_then(|store| within(2 * HEARING, move || Some(hear(&store, rank, world))));
        match heard {
            Some(Heard::Failed(rank, failure)) => Error::Peer { rank, world, failure: Some(failure) },
            Some(Heard::Nothing(silent)) if !silent.is_empty() => {
                let gone = |&rank: &usize| self.is_alive(rank) != Some(true);
                match silent.iter().copied().find(|rank| gone(rank)) {
                    Some(rank) => Error::Peer { rank, world, failure: None },
                    None => Error::Silent { rank: silent[0], world, seconds: self.timeout().as_secs() },
                }
            }
            Some(Heard::Nothing(_)) => Error::Torch(error.to_string()),
            // Rank 0, or the agent, keeps the store.
            None => Error::Peer { rank: 0, world, failure: None },
        }
    }

    /// Whether a process of this machine has ended.
    pub(crate) fn is_known_gone(&self, rank: usize) -> bool {
        self.is_alive(rank) == Some(false)
    }

    /// Whether a process of this machine runs; `None` for one of another machine.
    fn is_alive(&self, rank: usize) -> Option<bool> {
        let (other, own) = (self.identities.get(rank)?, self.identities.get(self.member.rank)?);
        let status = || fs::read_to_string(format!("/proc/{}/stat", other.pid)).ok();
        // The state stands behind the name, which is in brackets.
        let state = || status()?.rsplit_once(") ")?.1.chars().next();
        (other.host == own.host).then(|| state().is_some_and(|state| !matches!(state, 'Z' | 'X')))
    }
}

/// Says that this process has noticed, and hears what the others say.
fn hear(store: &Store, own: usize, world: usize) -> Heard {
    let _ = store.set(&noticed(own), &[1]);
    let began = Instant::now();
    loop {
        let mut silent = Vec::new();
        for rank in (0..world).filter(|&rank| rank != own) {
            if store.has(&key(rank)).unwrap_or(false) {
                let text = store.get(&key(rank), HEARING).unwrap_or_default();
                let failure = serde_json::from_slice(&text);
                let unknown = || Failure { message: "it failed".to_owned(), code: 1 };
                return Heard::Failed(rank, failure.unwrap_or_else(|_| unknown()));
            }
            if !store.has(&noticed(rank)).unwrap_or(false) {
                silent.push(rank);
            }
        }
        if began.elapsed() > HEARING {
            return Heard::Nothing(silent);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Does something in a thread of its own; `None` if it takes too long.
fn within<T: Send + 'static>(time: Duration, work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(time).ok().flatten()
}

fn key(rank: usize) -> String {
    format!("failed/{rank}")
}

fn noticed(rank: usize) -> String {
    format!("noticed/{rank}")
}
