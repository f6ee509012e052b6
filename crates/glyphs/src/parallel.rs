//! The same work on many items, by several threads.

use std::num::NonZeroUsize;
use std::panic;
use std::thread;

use crate::Error;

/// How many threads the machine runs at once.
pub(crate) fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// `f` of every item, in the order of the items; the first error in that order, if there is any.
///
/// Each thread takes one run of neighbouring items, which is fair because all pictures cost about the same.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    threads: NonZeroUsize,
    f: impl Fn(&T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let share = items.len().div_ceil(threads.get()).max(1);
    let work = |items: &[T]| items.iter().map(&f).collect::<Result<Vec<R>, Error>>();
    thread::scope(|scope| {
        let workers: Vec<_> = items.chunks(share).map(|items| scope.spawn(|| work(items))).collect();
        let mut all = Vec::with_capacity(items.len());
        for worker in workers {
            all.extend(worker.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))?);
        }
        Ok(all)
    })
}
