//! Mixed precision: the operators that gain from it compute in a shorter type, the others in float32.

use std::ffi::c_int;

use tch::{Device, Kind};

use crate::shim::{checked, extra_autocast, extra_autocast_forget, extra_autocast_on_cpu};

/// Autocast on this thread for as long as it lives (`torch.autocast`). Parameters keep their float32; they are cast when
/// an operator reads them, once for the life of this value.
#[derive(Debug)]
pub struct Autocast {
    cuda: bool,
    enabled_before: bool,
    kind_before: c_int,
}

/// Short types with their numbers in c10/core/ScalarType.h, which every saved file depends on.
const NUMBERS: [(Kind, c_int); 2] = [(Kind::Half, 5), (Kind::BFloat16, 15)];

/// What operators that gain from it compute in on a CPU, on this thread; `None` without autocast.
#[must_use]
pub fn on_cpu() -> Option<Kind> {
    // SAFETY: it takes nothing and reads the state of this thread.
    let number = unsafe { extra_autocast_on_cpu() };
    NUMBERS.iter().find(|(_, short)| *short == number).map(|(kind, _)| *kind)
}

impl Autocast {
    /// Starts to compute in `kind` (bfloat16, or on a GPU float16) on this kind of device; with any other type
    /// there is nothing to do and nothing is returned.
    #[must_use]
    pub fn begin(device: Device, kind: Kind) -> Option<Self> {
        let &(_, kind) = NUMBERS.iter().find(|(short, _)| *short == kind)?;
        let cuda = matches!(device, Device::Cuda(_));
        let mut autocast = Self { cuda, enabled_before: true, kind_before: kind };
        autocast.exchange();
        Some(autocast)
    }

    /// Exchanges the state that is with the one kept here.
    fn exchange(&mut self) {
        // SAFETY: both pointers are to fields of our own, of the types that the shim writes.
        let outcome = unsafe { extra_autocast(self.cuda, &mut self.enabled_before, &mut self.kind_before) };
        // It fails for kinds of device that libtorch does not know, and these two it knows.
        debug_assert!(checked(outcome).is_ok());
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        self.exchange();
        // SAFETY: it takes nothing and forgets casts that nobody holds a pointer to.
        unsafe { extra_autocast_forget() };
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    #[test]
    fn products_are_short_within_and_long_after() {
        let x = Tensor::ones([4, 4], (Kind::Float, Device::Cpu));
        {
            let _autocast = Autocast::begin(Device::Cpu, Kind::BFloat16).unwrap();
            assert_eq!(x.matmul(&x).kind(), Kind::BFloat16);
            assert_eq!(on_cpu(), Some(Kind::BFloat16));
            let none = Autocast::begin(Device::Cpu, Kind::Float);
            assert!(none.is_none());
        }
        assert_eq!((x.matmul(&x).kind(), on_cpu()), (Kind::Float, None));
    }
}
