//! Work that rank 0 does alone and that may take longer than any timeout: the others wait while it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use torch_extra::distributed::Store;

use crate::error::Error;
use crate::failure::{Failed, Failure};
use crate::together::Together;

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
    if together.member.rank > 0 {
        return wait(together, number).map(|()| None).map_err(E::from);
    }
    let pulse = Pulse::begin(together, number)?;
    let made = work();
    drop(pulse);
    let done: Done = made.as_ref().map(|_| ()).map_err(Failed::failure);
    let text = serde_json::to_vec(&done).map_err(Error::from)?;
    together.store.set(&format!("done/{number}"), &text).map_err(|error| together.lost(&error))?;
    made.map(Some)
}

/// Waits for rank 0, which must show that it lives at least once within the timeout.
fn wait(together: &Together, number: u64) -> Result<(), Error> {
    let (done, alive) = (format!("done/{number}"), format!("alive/{number}"));
    let store = &together.store;
    let lost = |error: torch_extra::Error| together.lost(&error);
    let (mut last, mut moved) = (Vec::new(), Instant::now());
    while !store.has(&done).map_err(lost)? {
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

/// Shows the others that rank 0 lives, until it is dropped.
struct Pulse {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Pulse {
    fn begin(together: &Together, number: u64) -> Result<Self, Error> {
        // A wait on the other connection would hold this one.
        let store = together.store.another().map_err(|error| together.lost(&error))?;
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let thread = thread::spawn(move || show(&store, number, &ended));
        Ok(Self { over, thread: Some(thread) })
    }
}

fn show(store: &Store, number: u64, ended: &AtomicBool) {
    for beat in 0u64.. {
        if ended.load(Ordering::SeqCst) || store.set(&format!("alive/{number}"), &beat.to_le_bytes()).is_err()
        {
            return;
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
