use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;

use tch::Tensor;

use super::Store;
use super::ffi::{
    RawGroup, count, extra_all_reduce, extra_broadcast, extra_group_abort, extra_group_free,
    extra_group_gloo, milliseconds, text,
};
use super::nccl::opened;
use crate::shim::{Error, checked};

/// One of the processes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number, from 0.
    pub rank: usize,
    /// Number of processes.
    pub world: usize,
}

/// Processes that sum and broadcast tensors: `c10d::ProcessGroupGloo` or `c10d::ProcessGroupNCCL`. All call the same functions in
/// the same order, with tensors of one shape and type.
#[derive(Clone, Debug)]
pub struct Group {
    raw: Rc<Owned>,
    member: Member,
}

#[derive(Debug)]
struct Owned(NonNull<RawGroup>);

impl Group {
    /// Connects the processes over a network interface, or over the one that the host's name stands for. A call that a
    /// peer does not join within `timeout` is an error.
    ///
    /// # Errors
    /// When the others do not come, or there is no such interface.
    pub fn gloo(
        store: &Store,
        prefix: &str,
        member: Member,
        interface: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let (prefix, interface) = (text(prefix)?, text(interface.unwrap_or_default())?);
        let (rank, world) = (count(member.rank)?, count(member.world)?);
        let mut out = std::ptr::null_mut();
        // SAFETY: the store is live, and the group keeps a handle on it of its own; texts are copied; a new group is handed out.
        checked(unsafe {
            extra_group_gloo(
                store.raw(),
                prefix.as_ptr(),
                rank,
                world,
                interface.as_ptr(),
                milliseconds(timeout),
                &raw mut out,
            )
        })?;
        Self::owned(out, member)
    }

    /// Connects the processes over NCCL, at their first call. Each has a GPU of its own, on which the tensors of all calls are. A
    /// sum or broadcast that is not over within `timeout` is an error; a backward pass does not wait for one, and once its
    /// gradients are late by `timeout` NCCL ends the process.
    ///
    /// # Errors
    /// Where [`super::nccl()`] has a reason, or there is no GPU.
    pub fn nccl(store: &Store, prefix: &str, member: Member, timeout: Duration) -> Result<Self, Error> {
        let nccl = opened().map_err(|because| Error::said(because.to_owned()))?;
        let (prefix, timeout) = (text(prefix)?, milliseconds(timeout));
        let (rank, world) = (count(member.rank)?, count(member.world)?);
        let mut out = std::ptr::null_mut();
        // SAFETY: as above, and the library stays open.
        checked(unsafe {
            (nccl.make_group)(store.raw(), prefix.as_ptr(), rank, world, timeout, &raw mut out)
        })?;
        Self::owned(out, member)
    }

    fn owned(raw: *mut RawGroup, member: Member) -> Result<Self, Error> {
        let raw = NonNull::new(raw).ok_or_else(|| Error::said("no group was made".to_owned()))?;
        Ok(Self { raw: Rc::new(Owned(raw)), member })
    }

    /// Returns which of the processes this is.
    #[must_use]
    pub fn member(&self) -> Member {
        self.member
    }

    /// Replaces a tensor by the sum of those of all processes, in every one.
    ///
    /// # Errors
    /// When a peer is gone, or does not come in time.
    pub fn sum(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.reduce(tensor, 0)
    }

    /// Replaces each value of a tensor by the smallest of those of all processes.
    ///
    /// # Errors
    /// As [`Group::sum`].
    pub fn min(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.reduce(tensor, 1)
    }

    /// Replaces each value of a tensor by the largest of those of all processes.
    ///
    /// # Errors
    /// As [`Group::sum`].
    pub fn max(&self, tensor: &mut Tensor) -> Result<(), Error> {
        self.reduce(tensor, 2)
    }

    /// Replaces a tensor by that of the process `root`.
    ///
    /// # Errors
    /// As [`Group::sum`].
    pub fn broadcast(&self, tensor: &mut Tensor, root: usize) -> Result<(), Error> {
        let root = count(root)?;
        // SAFETY: group and tensor are live; the tensor is ours alone, and is written through.
        checked(unsafe { extra_broadcast(self.raw(), tensor.as_mut_ptr(), root) })
    }

    /// Ends what waits for a process that is gone; nothing is called on the group afterwards. A GPU is free again, with any numbers
    /// in the tensors of the last call.
    pub fn abort(&self) {
        // SAFETY: it is live.
        unsafe { extra_group_abort(self.raw()) }
    }

    fn reduce(&self, tensor: &mut Tensor, op: i32) -> Result<(), Error> {
        // SAFETY: group and tensor are live; the tensor is ours alone, and is written through.
        checked(unsafe { extra_all_reduce(self.raw(), tensor.as_mut_ptr(), op) })
    }

    pub(super) fn raw(&self) -> *mut RawGroup {
        self.raw.0.as_ptr()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is ours, and is not used again.
        unsafe { extra_group_free(self.0.as_ptr()) }
    }
}
