use std::ptr::NonNull;

use tch::Tensor;

use super::Group;
use super::ffi::{
    RawReducer, extra_reducer, extra_reducer_expect, extra_reducer_finished, extra_reducer_free,
};
use crate::shim::{Error, checked, handles};

/// Sums gradients over all processes, bucket by bucket, while the backward pass still runs: the Reducer of
/// `DistributedDataParallel`, without its division by the number of processes.
///
/// A backward pass before [`Reducer::expect`] adds to the gradients of this process alone; the one after it must reach every
/// parameter, and sums what has gathered in them.
#[derive(Debug)]
pub struct Reducer {
    raw: NonNull<RawReducer>,
    /// It must outlive the Reducer.
    _group: Group,
}

impl Reducer {
    /// Watches these parameters, in every process the same ones in the same order. Another Reducer of the same parameters must
    /// be dropped before.
    ///
    /// # Errors
    /// When those of a peer differ in number, shape, type or layout in memory, or a peer is gone.
    pub fn new(group: &Group, parameters: &[Tensor]) -> Result<Self, Error> {
        let tensors = handles(parameters);
        let mut out = std::ptr::null_mut();
        // SAFETY: group and tensors are live, and the Reducer keeps handles on them of its own; a new one is handed out.
        checked(unsafe { extra_reducer(group.raw(), tensors.as_ptr(), tensors.len(), &raw mut out) })?;
        let raw = NonNull::new(out).ok_or_else(|| Error::said("no reducer was made".to_owned()))?;
        Ok(Self { raw, _group: group.clone() })
    }

    /// Sums the gradients of the next backward pass. Every process calls it once for each step, or none does.
    ///
    /// # Errors
    /// When a pass before did not reach every parameter, or a peer is gone.
    pub fn expect(&mut self) -> Result<(), Error> {
        // SAFETY: it is live.
        checked(unsafe { extra_reducer_expect(self.raw.as_ptr()) })
    }

    /// Checks after the pass that every parameter had a gradient.
    ///
    /// # Errors
    /// When one had none: its place among the parameters.
    pub fn finished(&mut self) -> Result<(), Error> {
        // SAFETY: it is live.
        checked(unsafe { extra_reducer_finished(self.raw.as_ptr()) })
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: it is ours, and is not used again.
        unsafe { extra_reducer_free(self.raw.as_ptr()) }
    }
}
