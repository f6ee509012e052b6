//! Processes that train one model together: ranks, agreement, failures.
//!
//! The configuration defines the mathematics, the number of processes only the speed. A [`Team`] is one process alone, for which
//! every call does nothing, or one of several that started with the variables of `torchrun` ([`Environment`]) and met
//! ([`Team::join`]). All collective calls come from the main thread, in the same order in every process: nothing between two of
//! them may return early except through [`Team::agree`], and nothing may depend on clocks, memory or files except through
//! [`Team::from_lead`]. With `FINETUNE_CHECK_TEAM=1` each call is compared by its place in the program first.
//!
//! Over the wire goes libtorch's c10d alone: a store, Gloo or NCCL, the Reducer of `DistributedDataParallel`.

mod calls;
mod ending;
mod environment;
mod error;
mod failure;
mod identity;
mod lost;
pub mod processes;
mod rendezvous;
mod share;
mod tensors;
mod together;
mod waiting;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use records::Interrupt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::{Device, Tensor};
use torch_extra::distributed::Reducer;

pub use ending::Ending;
pub use environment::{Environment, Meeting, restarts};
pub use error::Error;
pub use failure::{Failed, Failure};
pub use identity::Program;
pub use share::part;

use crate::together::{Reduction, Together};

/// One process alone, or one of several that train together. A copy is the same one.
#[derive(Clone, Debug, Default)]
pub struct Team(Option<Rc<Together>>);

impl Team {
    /// Returns a process that is alone.
    #[must_use]
    pub fn alone() -> Self {
        Self(None)
    }

    /// Meets the other processes. From now on a request to stop holds once all have heard of it.
    ///
    /// # Errors
    /// When a process does not come, or runs another program or libtorch.
    pub fn join(environment: &Environment, program: &Program, interrupt: &Interrupt) -> Result<Self, Error> {
        rendezvous::join(environment, program, interrupt).map(|together| Self(Some(Rc::new(together))))
    }

    /// Number of this process, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |together| together.member.rank)
    }

    /// Number of processes.
    #[must_use]
    pub fn world(&self) -> usize {
        self.0.as_ref().map_or(1, |together| together.member.world)
    }

    /// Number of processes on this machine.
    #[must_use]
    pub fn local_world(&self) -> usize {
        self.0.as_ref().map_or(1, |together| together.local_world)
    }

    /// Whether there is one process only.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this is rank 0, which alone prints and writes.
    #[must_use]
    pub fn is_lead(&self) -> bool {
        self.rank() == 0
    }

    /// Whether this process writes what is kept once for a machine.
    #[must_use]
    pub fn is_local_lead(&self) -> bool {
        self.0.as_ref().is_none_or(|together| together.local_rank == 0)
    }

    /// Number of times the processes were started again after a failure.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.0.as_ref().map_or(0, |together| together.restarts)
    }

    /// Sets the time after which a peer that does not answer counts as gone. All processes call it with the same time.
    ///
    /// # Errors
    /// When a peer is gone.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |together| together.set_timeout(timeout))
    }

    /// Replaces values by their sums over all processes.
    ///
    /// # Errors
    /// When a peer is gone.
    #[track_caller]
    pub fn sum(&self, values: &mut [f64]) -> Result<(), Error> {
        // No closure: it would be the caller.
        let Some(together) = &self.0 else { return Ok(()) };
        together.reduce(values, Reduction::Sum)
    }

    /// Replaces each value by the smallest over all processes.
    ///
    /// # Errors
    /// As [`Team::sum`].
    #[track_caller]
    pub fn min(&self, values: &mut [f64]) -> Result<(), Error> {
        let Some(together) = &self.0 else { return Ok(()) };
        together.reduce(values, Reduction::Min)
    }

    /// Learns whether a request to stop has reached any process.
    ///
    /// # Errors
    /// As [`Team::sum`].
    #[track_caller]
    pub fn hear(&self) -> Result<(), Error> {
        self.sum(&mut [])
    }

    /// Returns what every process has to say, in the order of their ranks.
    ///
    /// # Errors
    /// As [`Team::sum`].
    #[track_caller]
    pub fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>, Error> {
        match &self.0 {
            None => Ok(vec![mine]),
            Some(together) => together.gather(&mine),
        }
    }

    /// Returns the value of rank 0; the others give `None`, or a value that is dropped.
    ///
    /// # Errors
    /// As [`Team::sum`].
    #[track_caller]
    pub fn from_lead<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<T, Error> {
        let Some(together) = &self.0 else { return Ok(value) };
        let text = if self.is_lead() { serde_json::to_vec(&value)? } else { Vec::new() };
        Ok(serde_json::from_slice(&together.bytes_of_lead(text)?)?)
    }

    /// Returns what this process made if every process made it; all go on, or none does. Of several failures that of the lowest
    /// rank counts, and the others hear of it.
    ///
    /// # Errors
    /// The failure of this process, or [`Error::Peer`] with that of another.
    #[track_caller]
    pub fn agree<T, E: From<Error> + Failed>(&self, mine: Result<T, E>) -> Result<T, E> {
        match &self.0 {
            None => mine,
            Some(together) => together.agree(mine),
        }
    }

    /// Lets rank 0 do something that takes its time; the others wait for as long as it lives. Returns what it made, in rank 0
    /// only.
    ///
    /// # Errors
    /// The failure of rank 0; in the others [`Error::Peer`].
    pub fn while_lead<T, E: From<Error> + Failed>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        match &self.0 {
            None => work().map(Some),
            Some(together) => waiting::while_lead(together, work),
        }
    }

    /// Sums gradients over NCCL from now on. Every process calls it, with a GPU of its own; nothing happens in a process alone.
    ///
    /// # Errors
    /// When NCCL cannot connect them.
    pub fn use_nccl(&self, device: Device) -> Result<(), Error> {
        self.0.as_ref().map_or(Ok(()), |together| together.use_nccl(device))
    }

    /// Returns the name of the machine of each process.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let all = self.0.iter().flat_map(|together| &together.identities);
        all.map(|identity| identity.host.clone()).collect()
    }

    /// Returns what sums the gradients of these parameters in a backward pass; `None` for a process alone.
    ///
    /// # Errors
    /// When the parameters of a peer are others, or it is gone.
    pub fn reducer(&self, parameters: &[Tensor]) -> Result<Option<Reducer>, Error> {
        let Some(together) = &self.0 else { return Ok(None) };
        let reducer = Reducer::new(&together.gradients(), parameters);
        reducer.map(Some).map_err(|error| together.lost(&error))
    }

    /// Replaces a tensor by the sum of those of all processes.
    ///
    /// # Errors
    /// As [`Team::sum`].
    pub fn sum_tensor(&self, tensor: &mut Tensor) -> Result<(), Error> {
        let Some(together) = &self.0 else { return Ok(()) };
        together.data().sum(tensor).map_err(|error| together.lost(&error))
    }

    /// Replaces a tensor by that of a process.
    ///
    /// # Errors
    /// As [`Team::sum`].
    pub fn broadcast(&self, tensor: &mut Tensor, root: usize) -> Result<(), Error> {
        let Some(together) = &self.0 else { return Ok(()) };
        together.data().broadcast(tensor, root).map_err(|error| together.lost(&error))
    }

    /// Returns what became of a peer whose absence made a call of libtorch fail, a backward pass for one.
    #[must_use]
    pub fn lost(&self, error: &dyn std::fmt::Display) -> Error {
        match &self.0 {
            None => Error::Torch(error.to_string()),
            Some(together) => together.lost(error),
        }
    }

    /// Ends this process, which failed or whose peer did: its destructors may wait for what never comes. The others and `torchrun` are
    /// let know why; rank 0 prints it, and another process what it knows alone.
    pub fn end(&self, ending: &Ending<'_>) -> ! {
        ending::end(self.0.as_deref(), ending)
    }

    /// Returns whether every process gives the same text.
    ///
    /// # Errors
    /// As [`Team::sum`].
    #[track_caller]
    pub fn is_alike(&self, text: &str) -> Result<bool, Error> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        // As many bits as a float64 holds.
        let own = (hasher.finish() >> 12) as f64;
        let mut bounds = [own, -own];
        self.min(&mut bounds)?;
        Ok(bounds[0] == -bounds[1])
    }
}
