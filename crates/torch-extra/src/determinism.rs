//! Repeating a run to the bit.

use std::ffi::c_int;

use tch::{Device, Tensor};

use crate::shim::{
    Error, checked, extra_describe, extra_deterministic, extra_flush_denormals, extra_is_deterministic,
    extra_random_state, extra_set_random_state, made, text_of,
};

/// Fixes libtorch's random numbers and the number of threads it computes with.
///
/// On CPU, the same seed and the same thread count give the same bits from one process to the next; another thread
/// count may sum in another order.
pub fn fix(seed: u64, threads: u32) {
    self::seed(seed);
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX).max(1));
}

/// Seeds libtorch's random numbers, on the CPU and on every GPU. The generator of the CPU takes the lower 32 bits alone.
pub fn seed(seed: u64) {
    // Seeds are 64 bits in libtorch too; tch's signature is signed.
    tch::manual_seed(seed.cast_signed());
}

/// What becomes of numbers too small for the usual form (below 1.2e-38 in float32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denormals {
    /// They are computed with, as the standard has it (IEEE 754) and as PyTorch does.
    Kept,
    /// They count as zero. Computing with them is many times slower on most CPUs, and a network that has all but died out
    /// is full of them.
    Flushed,
}

/// Says what becomes of denormal numbers on the CPU: in this thread, in those that libtorch computes with, and in those
/// that any of them starts later.
///
/// # Errors
/// When libtorch refuses.
pub fn denormals(choice: Denormals) -> Result<(), Error> {
    // SAFETY: it sets a flag of the processor for threads that compute, and returns null or an error.
    checked(unsafe { extra_flush_denormals(choice == Denormals::Flushed) })
}

/// Which algorithms libtorch chooses on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithms {
    /// Those that give the same bits each time. Where there is none, libtorch warns on stderr and takes the other.
    Repeatable,
    /// The fastest, found by trying.
    Fastest,
}

/// Asks libtorch for algorithms on a GPU that give the same bits each time, or for the fastest. On a CPU it makes no
/// difference: those of the networks here all repeat.
pub fn set_algorithms(choice: Algorithms) {
    // SAFETY: it sets flags that libtorch reads before each operation.
    unsafe { extra_deterministic(choice == Algorithms::Repeatable) };
}

/// What libtorch was asked for last.
#[must_use]
pub fn algorithms() -> Algorithms {
    // SAFETY: it reads a flag.
    if unsafe { extra_is_deterministic() } { Algorithms::Repeatable } else { Algorithms::Fastest }
}

/// Where a device's random numbers have got to.
#[derive(Debug)]
pub struct RandomState {
    device: Device,
    bytes: Tensor,
}

impl RandomState {
    /// As it is now.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn of(device: Device) -> Result<Self, Error> {
        let (cuda, index) = place(device);
        // SAFETY: it stores a new tensor at the given address, or returns an error.
        let bytes = made(|out| unsafe { extra_random_state(cuda, index, out) })?;
        Ok(Self { device, bytes })
    }

    /// Goes back to it: the same numbers come again.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn restore(&self) -> Result<(), Error> {
        let (cuda, index) = place(self.device);
        // SAFETY: the tensor is live, and is copied.
        checked(unsafe { extra_set_random_state(cuda, index, self.bytes.as_ptr()) })
    }
}

fn place(device: Device) -> (bool, c_int) {
    match device {
        Device::Cuda(index) => (true, c_int::try_from(index).unwrap_or(c_int::MAX)),
        _ => (false, 0),
    }
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
    // SAFETY: it stores a text of its own at the given address, or returns an error.
    text_of(|out| unsafe { extra_describe(out) }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    /// Denormal results of products, computed by as many threads as there are.
    fn denormals_left() -> i64 {
        let small = Tensor::full([1 << 20], 1e-30, (Kind::Float, Device::Cpu));
        let product = &small * 1e-10f64; // 1e-40
        product.count_nonzero(0).int64_value(&[])
    }

    #[test]
    fn denormal_numbers_are_kept_or_flushed_in_every_thread() {
        // The threads exist before they are set.
        assert_eq!(denormals_left(), 1 << 20);
        for (choice, left) in [(Denormals::Flushed, 0), (Denormals::Kept, 1 << 20)] {
            denormals(choice).unwrap();
            assert_eq!(denormals_left(), left, "{choice:?}");
        }
    }

    #[test]
    fn what_was_asked_for_last_holds() {
        for choice in [Algorithms::Repeatable, Algorithms::Fastest] {
            set_algorithms(choice);
            assert_eq!(algorithms(), choice);
        }
    }

    #[test]
    fn random_numbers_come_again_from_where_they_were() {
        let draw = || Vec::<f64>::try_from(Tensor::rand([4], (Kind::Double, Device::Cpu))).unwrap();
        let come_again = || {
            let state = RandomState::of(Device::Cpu).unwrap();
            let first = draw();
            let others = draw() != first;
            state.restore().unwrap();
            others && draw() == first
        };
        // Other tests draw from the same generator, though not all the time.
        assert!((0..1000).any(|_| come_again()));
    }

    #[test]
    fn libtorch_tells_its_version_and_the_same_each_time() {
        let said = libtorch();
        println!("{said}");
        assert!(said.contains("TORCH_VERSION=") && said.contains("CPU capability"), "{said}");
        assert_eq!(said, libtorch());
    }
}
