//! A request to stop, and the ends by which a run is connected to its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Event, Listener};

/// A request to stop, set from a signal handler and read between two steps.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the run to stop soon. Returns whether it had been asked before.
    pub fn request(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// Whether the run should stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
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
