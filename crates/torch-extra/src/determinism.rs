//! Repeating a run to the bit.

/// Fixes libtorch's random numbers and the number of threads it computes with.
///
/// On CPU, the same seed and the same thread count give the same bits from one process to the next; another thread
/// count may sum in another order.
pub fn fix(seed: u64, threads: u32) {
    // Seeds are 64 bits in libtorch too; tch's signature is signed.
    tch::manual_seed(seed.cast_signed());
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX).max(1));
}

/// The number of threads libtorch computes with.
#[must_use]
pub fn threads() -> u32 {
    u32::try_from(tch::get_num_threads()).unwrap_or(1)
}
