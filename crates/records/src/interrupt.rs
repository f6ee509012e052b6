//! A request to stop, and the ends by which a run is connected to its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Event, Listener};

/// A request to stop, set from a signal handler and read between two steps.
///
/// Where several processes train together it holds once all have heard of it: until then a process goes on, so that all stop
/// at the same step.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    asked: AtomicBool,
    agreed: AtomicBool,
    /// Whether other processes must hear of it first.
    held: AtomicBool,
}

impl Interrupt {
    /// Asks the run to stop soon. Returns whether it had been asked before.
    pub fn request(&self) -> bool {
        self.0.asked.swap(true, Ordering::SeqCst)
    }

    /// Whether the run should stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        if self.0.held.load(Ordering::SeqCst) { self.0.agreed.load(Ordering::SeqCst) } else { self.asked() }
    }

    /// Whether this process was asked, whatever the others know.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Makes a request wait until [`Interrupt::agree`].
    pub fn hold_for_others(&self) {
        self.0.held.store(true, Ordering::SeqCst);
    }

    /// Makes a request hold at once, for as long as this process works alone.
    pub fn hold_no_longer(&self) {
        self.0.held.store(false, Ordering::SeqCst);
    }

    /// Makes a request hold: all processes have heard of it.
    pub fn agree(&self) {
        self.0.agreed.store(true, Ordering::SeqCst);
    }
}

/// The two ends by which a run is connected to its caller: a request to stop comes in, events go out.
pub struct Session<'a> {
    /// Request to stop, read between two steps.
    pub interrupt: &'a Interrupt,
    /// Receives events; it cannot change the run.
    pub listener: &'a mut Listener<'a>,
}

impl Session<'_> {
    /// Sends an event to the listener.
    pub fn emit(&mut self, event: &Event<'_>) {
        (self.listener)(event);
    }

    /// Returns whether the run should stop.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupt.requested()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_held_waits_until_all_have_agreed() {
        let interrupt = Interrupt::default();
        interrupt.hold_for_others();
        assert!(!interrupt.request() && interrupt.request());
        assert!(interrupt.asked() && !interrupt.requested());
        interrupt.hold_no_longer();
        assert!(interrupt.requested());
        interrupt.hold_for_others();
        assert!(!interrupt.requested());
        interrupt.clone().agree();
        assert!(interrupt.requested());
    }
}
