//! Work that rank 0 does alone and that may take longer than any timeout: the others wait while it lives. A request to stop, to
//! any of them, reaches it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use torch_extra::distributed::Store;

use records::Interrupt;

use crate::error::Error;
use crate::failure::{Failed, Failure};
use crate::together::{Reduction, Together};

/// How often rank 0 shows that it lives.
const PULSE: Duration = Duration::from_secs(1);
/// How often the others look.
const GLANCE: Duration = Duration::from_millis(100);

/// What became of the work: nothing, or a failure.
type Done = Result<(), Failure>;

pub(crate) fn while_lead<T, E: From<Error> + Failed>(
    together: &Together,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<Option<T>, E> {
    let number = together.waits.get();
    together.waits.set(number + 1);
    let made = match together.member.rank {
        0 => Some(lead(together, number, work)?),
        _ => {
            wait(together, number)?;
            None
        }
    };
    // All stop, or none, should one have been asked to meanwhile.
    together.reduce(&mut [], Reduction::Sum)?;
    Ok(made)
}

fn lead<T, E: From<Error> + Failed>(
    together: &Together,
    number: u64,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let pulse = Pulse::begin(together, number)?;
    together.interrupt.hold_no_longer();
    let made = work();
    together.interrupt.hold_for_others();
    drop(pulse);
    let done: Done = made.as_ref().map(|_| ()).map_err(Failed::failure);
    let text = serde_json::to_vec(&done).map_err(Error::from)?;
    together.store.set(&format!("done/{number}"), &text).map_err(|error| together.lost(&error))?;
    made
}

/// Waits for rank 0, which must show that it lives at least once within the timeout.
fn wait(together: &Together, number: u64) -> Result<(), Error> {
    let (done, alive) = (format!("done/{number}"), format!("alive/{number}"));
    let store = &together.store;
    let lost = |error: torch_extra::Error| together.lost(&error);
    let (mut last, mut moved) = (Vec::new(), Instant::now());
    let mut has_said = false;
    while !store.has(&done).map_err(lost)? {
        if together.interrupt.asked() && !has_said {
            store.set(&asked(number), &[1]).map_err(lost)?;
            has_said = true;
        }
        if store.has(&alive).map_err(lost)? {
            let pulse = store.get(&alive, PULSE).map_err(lost)?;
            if pulse != last {
                (last, moved) = (pulse, Instant::now());
            }
        }
        let is_late = |by: Duration| moved.elapsed() > by.max(3 * PULSE);
        if is_late(together.timeout()) || (is_late(3 * PULSE) && together.is_known_gone(0)) {
            return Err(together.lost(&"rank 0 does not answer"));
        }
        thread::sleep(GLANCE);
    }
    let text = store.get(&done, PULSE).map_err(lost)?;
    let world = together.member.world;
    serde_json::from_slice::<Done>(&text)?.map_err(|failure| Error::Peer {
        rank: 0,
        world,
        failure: Some(failure),
    })
}

fn asked(number: u64) -> String {
    format!("asked/{number}")
}

/// Shows the others that rank 0 lives, and hears whether they are asked to stop, until it is dropped.
struct Pulse {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Pulse {
    fn begin(together: &Together, number: u64) -> Result<Self, Error> {
        // A wait on the other connection would hold this one.
        let store = together.store.another().map_err(|error| together.lost(&error))?;
        let over = Arc::new(AtomicBool::new(false));
        let (ended, interrupt) = (over.clone(), together.interrupt.clone());
        let thread = thread::spawn(move || show(&store, number, &interrupt, &ended));
        Ok(Self { over, thread: Some(thread) })
    }
}

fn show(store: &Store, number: u64, interrupt: &Interrupt, ended: &AtomicBool) {
    for beat in 0u64.. {
        if ended.load(Ordering::SeqCst) || store.set(&format!("alive/{number}"), &beat.to_le_bytes()).is_err()
        {
            return;
        }
        if !interrupt.asked() && store.has(&asked(number)).unwrap_or(false) {
            interrupt.request();
        }
        thread::park_timeout(PULSE);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
