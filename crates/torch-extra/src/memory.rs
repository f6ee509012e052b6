//! Memory that is freed and asked for again in every batch.

/// Tells the C library to keep freed memory for the next batch instead of giving it back to the system.
///
/// A batch's activations are tens of megabytes, for which glibc maps fresh pages each time; the system then clears them
/// one page fault at a time, which takes as long as computing a small network does. Call it once, first thing in `main`.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const NONE: libc::c_int = 0;
        const GIBIBYTE: libc::c_int = 1 << 30;
        // SAFETY: mallopt sets two numbers of the allocator. It is not thread-safe, and no other thread exists yet.
        unsafe {
            libc::mallopt(libc::M_MMAP_MAX, NONE);
            libc::mallopt(libc::M_TRIM_THRESHOLD, GIBIBYTE);
        }
    }
}

/// Gives freed memory back to the system after all: after something large that does not come again.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it releases pages that hold no allocation, and takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
