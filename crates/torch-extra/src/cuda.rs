//! Finding a GPU.

use std::sync::OnceLock;

use tch::{Cuda, Device};

static LOADED: OnceLock<Option<libloading::os::unix::Library>> = OnceLock::new();

/// Loads `libtorch_cuda.so` if it can be found, which registers libtorch's CUDA back end; without it nothing changes.
///
/// Call it first thing in `main`: libtorch remembers the answer to its first question about CUDA, and after a "no" the
/// back end never registers.
pub fn load() {
    LOADED.get_or_init(|| {
        use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
        // SAFETY: opening a library runs its initialisers. These are libtorch's own, made to be run by the dynamic
        // linker at program start, before any thread of ours exists and before libtorch is used.
        unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) }.ok()
    });
}

/// A device that was asked for and is not there.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The text names no device.
    #[error("unknown device {0:?}: use \"auto\", \"cpu\", \"cuda\" or \"cuda:N\"")]
    Unknown(String),
    /// libtorch was built, or set up, without CUDA.
    #[error(
        "{0:?} was asked for, but this libtorch sees no CUDA: set it up with `cargo xtask setup --cuda` on a machine with an NVIDIA driver, or use device = \"cpu\""
    )]
    NoCuda(String),
    /// There are fewer GPUs.
    #[error("{asked:?} was asked for, but this machine has {count} CUDA device(s), counted from cuda:0")]
    NoSuchGpu {
        /// What was asked for.
        asked: String,
        /// How many there are.
        count: i64,
    },
}

/// The device that `"auto"`, `"cpu"`, `"cuda"` or `"cuda:N"` stands for on this machine.
///
/// # Errors
/// When the text names no device, or one that is not there.
pub fn device(asked: &str) -> Result<Device, DeviceError> {
    let index = match asked {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(Device::cuda_if_available()),
        "cuda" => 0,
        other => other
            .strip_prefix("cuda:")
            .and_then(|index| index.parse::<usize>().ok())
            .ok_or_else(|| DeviceError::Unknown(other.to_owned()))?,
    };
    if !Cuda::is_available() {
        return Err(DeviceError::NoCuda(asked.to_owned()));
    }
    let count = Cuda::device_count();
    if i64::try_from(index).is_ok_and(|index| index < count) {
        Ok(Device::Cuda(index))
    } else {
        Err(DeviceError::NoSuchGpu { asked: asked.to_owned(), count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_devices_or_say_why_not() {
        assert_eq!(device("cpu").unwrap(), Device::Cpu);
        for nonsense in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            assert!(matches!(device(nonsense), Err(DeviceError::Unknown(_))), "{nonsense}");
        }
        let absent = device("cuda:999").unwrap_err().to_string();
        assert!(absent.contains("cuda:999"), "{absent}");
    }
}
