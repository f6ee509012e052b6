//! Repeating a run to the bit.

use crate::shim::{extra_describe, extra_deterministic, extra_flush_denormals, told};

/// Fixes libtorch's random numbers and the number of threads it computes with.
///
/// On CPU, the same seed and the same thread count give the same bits from one process to the next; another thread
/// count may sum in another order.
pub fn fix(seed: u64, threads: u32) {
    // Seeds are 64 bits in libtorch too; tch's signature is signed.
    tch::manual_seed(seed.cast_signed());
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX).max(1));
}

/// Whether numbers too small for the usual form count as zero. Computing with them is many times slower on most CPUs, and
/// a network that has all but died out is full of them.
pub fn flush_denormals() {
    // SAFETY: it sets a flag of the processor for this thread and those that libtorch makes later.
    unsafe { extra_flush_denormals(true) };
}

/// Asks libtorch for algorithms on a GPU that give the same bits each time, or for the fastest.
pub fn algorithms(choice: Algorithms) {
    // SAFETY: it sets flags that libtorch reads before each operation.
    unsafe { extra_deterministic(choice == Algorithms::Repeatable) };
}

/// Which algorithms libtorch chooses on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithms {
    /// Those that give the same bits each time.
    Repeatable,
    /// The fastest, found by trying.
    Fastest,
}

/// The number of threads libtorch computes with.
#[must_use]
pub fn threads() -> u32 {
    u32::try_from(tch::get_num_threads()).unwrap_or(1)
}

/// What libtorch computes with, in its own words: its version, how it was built, the versions of the libraries in it and the
/// processor's instructions it uses. Results may differ in their last bits where this differs; it is empty where libtorch
/// does not tell.
#[must_use]
pub fn libtorch() -> String {
    // SAFETY: it stores a text of its own where it is told to, or returns an error.
    told(|out| unsafe { extra_describe(out) }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_tells_its_version_and_the_same_each_time() {
        let said = libtorch();
        println!("{said}");
        assert!(said.contains("TORCH_VERSION=") && said.contains("CPU capability"), "{said}");
        assert_eq!(said, libtorch());
    }
}
