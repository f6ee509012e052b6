//! Several processes that compute together, on libtorch's own c10d: a [`Store`] in which they find each other, a [`Group`] that
//! sums and broadcasts over Gloo or [`nccl()`], and the [`Reducer`] of `DistributedDataParallel`, which sums gradients while the
//! backward pass still runs.
//!
//! All processes of a group call the same functions in the same order, each from one thread. After an error nothing more
//! may be called on a group, and the process ends by [`leave`].

mod ffi;
mod group;
mod nccl;
mod reducer;
mod store;
#[cfg(test)]
mod tests;

use std::io::Write;

pub use group::{Group, Member};
pub use nccl::nccl;
pub use reducer::Reducer;
pub use store::Store;

/// Whether libtorch was built with c10d and Gloo. Where it was not, every constructor returns an error.
pub const AVAILABLE: bool = cfg!(distributed);

/// Ends the process at once, without destructors: after a failed collective they may wait for a peer or a GPU for ever.
pub fn leave(code: i32) -> ! {
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: it does not return.
    unsafe { libc::_exit(code) }
}
