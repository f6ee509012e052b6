//! Layers whose weights stay as they are, made ready to compute fast.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use tch::Kind;

use crate::module::Mode;

/// A layer that has a faster form for constant weights.
pub(crate) trait Prepare: Debug + Send {
    /// Makes that form, which computes in `kind`, from the weights as they are now.
    fn prepare(&self, kind: Kind);

    /// Drops it.
    fn forget(&self);
}

/// Where a layer keeps its faster form, if it has been made.
#[derive(Debug)]
pub(crate) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    /// Computes with the faster form, which is for evaluation alone; `None` where there is none.
    pub(crate) fn with<R>(&self, mode: Mode, compute: impl FnOnce(&T) -> R) -> Option<R> {
        match mode {
            Mode::Evaluate => self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(compute),
            _ => None,
        }
    }

    pub(crate) fn put(&self, form: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = form;
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
