//! Finding a device.

use std::error::Error;
use std::ffi::{CStr, c_char, c_int};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use tch::{Cuda, Device, Tensor};

use crate::shim::{Error as LibtorchError, checked, extra_pinned, extra_tf32, made};

/// The library, or why it is not there, in the dynamic linker's words.
static LOADED: OnceLock<Result<Library, String>> = OnceLock::new();

/// Loads `libtorch_cuda.so` if it can be found, which registers libtorch's CUDA back end; without it nothing changes.
///
/// Call it first thing in `main`: libtorch remembers the answer to its first question about CUDA, and after a "no" the
/// back end never registers.
pub fn load() {
    LOADED.get_or_init(|| {
        const WORKSPACE: &str = "CUBLAS_WORKSPACE_CONFIG";
        if std::env::var_os(WORKSPACE).is_none() {
            // cuBLAS repeats its results only with a workspace of its own for each stream, and reads this once.
            // SAFETY: no other thread exists yet that could read the environment.
            unsafe { std::env::set_var(WORKSPACE, ":4096:8") };
        }
        // SAFETY: opening a library runs its initialisers. These are libtorch's own, made to be run by the dynamic
        // linker at program start, before any thread of ours exists and before libtorch is used.
        let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) };
        library.map_err(|error| error.source().map_or_else(|| error.to_string(), ToString::to_string))
    });
}

/// Makes the program see one GPU alone, that with this number among those that it would see. Call it before [`load`]: a process that
/// sees others makes a context on the first of them.
pub fn see_only(number: usize) {
    const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
    let visible = std::env::var(VISIBLE).ok();
    let only = match &visible {
        Some(all) => all.split(',').nth(number).unwrap_or_default().trim().to_owned(),
        None => number.to_string(),
    };
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { std::env::set_var(VISIBLE, only) }
}

/// What a GPU makes of float32 in convolutions and matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float32 {
    /// It computes with all 24 bits of precision, as a CPU does.
    Whole,
    /// Factors are rounded to TF32, 11 bits of precision, for the matrix units of GPUs since Ampere; sums stay float32.
    /// libtorch's own choice for convolutions.
    Tf32,
}

/// Says what a GPU makes of float32, in everything that is computed from now on.
///
/// # Errors
/// When libtorch refuses.
pub fn set_float32(choice: Float32) -> Result<(), LibtorchError> {
    // SAFETY: it sets flags that libtorch reads before each operation, and returns null or an error.
    checked(unsafe { extra_tf32(choice == Float32::Tf32) })
}

/// The same values in memory of the host from which a GPU fetches them by itself; the same tensor if they lie there already.
///
/// # Errors
/// When there is no GPU, or no memory of this kind is left.
pub fn pinned(x: &Tensor) -> Result<Tensor, LibtorchError> {
    // SAFETY: `x` is a live tensor for the time of the call, which only reads it.
    made(|out| unsafe { extra_pinned(x.as_ptr(), out) })
}

/// Returns what the driver calls each GPU that libtorch sees.
///
/// # Errors
/// Where it sees none: why, as far as it is known.
pub fn gpus() -> Result<Vec<String>, &'static str> {
    if !Cuda::is_available() {
        return Err(why_not());
    }
    let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
    Ok((0..count).map(|index| name(index).unwrap_or_else(|| format!("cuda:{index}"))).collect())
}

/// Why there is no CUDA, as far as it is known.
fn why_not() -> &'static str {
    loaded().err().unwrap_or("libtorch_cuda.so is there, and finds no driver or no GPU")
}

/// Whether libtorch's CUDA half is there.
///
/// # Errors
/// Where it is not: why.
pub(crate) fn loaded() -> Result<(), &'static str> {
    match LOADED.get() {
        Some(Ok(_)) => Ok(()),
        Some(Err(because)) => Err(because),
        None => Err("libtorch_cuda.so was not loaded at the start of the program"),
    }
}

/// What the driver calls a GPU, counted as libtorch counts them: `"NVIDIA H100 80GB HBM3"`; nothing where it does not tell.
#[must_use]
pub fn name(index: usize) -> Option<String> {
    text_of(index, b"cuDeviceGetName\0")
}

/// Where a GPU is in its machine, counted as libtorch counts them: `"0000:3b:00.0"`; nothing where the driver does not tell.
#[must_use]
pub fn address(index: usize) -> Option<String> {
    text_of(index, b"cuDeviceGetPCIBusId\0")
}

/// Asks the driver for a text about a GPU, by a function that takes where to put it, how long it may be, and which GPU.
fn text_of(index: usize, function: &[u8]) -> Option<String> {
    type Init = unsafe extern "C" fn(u32) -> c_int;
    type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type Text = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
    const LENGTH: usize = 256;
    let index = c_int::try_from(index).ok()?;
    let (mut device, mut text) = (0, [0; LENGTH]);
    // SAFETY: the CUDA driver's own library, whose initialisers may run at any time; the three functions are of these types
    // since CUDA 4.1 (cuda.h), and are called while the library is open.
    let found = unsafe {
        let driver = Library::open(Some("libcuda.so.1"), RTLD_NOW).ok()?;
        let init = driver.get::<Init>(b"cuInit\0").ok()?;
        let get = driver.get::<Get>(b"cuDeviceGet\0").ok()?;
        let text_of = driver.get::<Text>(function).ok()?;
        let found = init(0) == 0
            && get(&raw mut device, index) == 0
            && text_of(text.as_mut_ptr(), LENGTH as c_int - 1, device) == 0;
        // Unloading a driver that is in use would end badly.
        std::mem::forget(driver);
        found
    };
    // SAFETY: the last byte is a zero that was not handed out.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    found.then(|| text.to_string_lossy().into_owned())
}

/// Returns how a configuration names a device: `cpu`, `cuda:0`, `mps`.
#[must_use]
pub fn short_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Mps => "mps".to_owned(),
        _ => "cpu".to_owned(),
    }
}

/// A device that was asked for and is not there.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The text names no device.
    #[error("unknown device {0:?}: use \"auto\", \"cpu\", \"cuda\", \"cuda:N\" or \"mps\"")]
    Unknown(String),
    /// libtorch was built, or set up, without CUDA.
    #[error(
        "{asked:?} was asked for, but this libtorch sees no CUDA ({because}): it takes a machine with an NVIDIA driver, and the bundle for CUDA or, in a checkout, `cargo xtask setup --cuda`; or use device = \"cpu\""
    )]
    NoCuda {
        /// What was asked for.
        asked: String,
        /// What the dynamic linker says, or what else is known.
        because: &'static str,
    },
    /// There is no GPU of Apple's, or this libtorch was built without it.
    #[error(
        "\"mps\" was asked for, but this libtorch sees no GPU of Apple's: use device = \"cpu\" or \"auto\""
    )]
    NoMps,
    /// There are fewer GPUs.
    #[error("{asked:?} was asked for, but this machine has {count} CUDA device(s), counted from cuda:0")]
    NoSuchGpu {
        /// What was asked for.
        asked: String,
        /// How many there are.
        count: i64,
    },
}

/// The device that `"auto"`, `"cpu"`, `"cuda"`, `"cuda:N"` or `"mps"` stands for on this machine. `"auto"` never takes Apple's GPU, on
/// which nothing was tried.
///
/// # Errors
/// When the text names no device, or one that is not there.
pub fn device(asked: &str) -> Result<Device, DeviceError> {
    let index = match asked {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(Device::cuda_if_available()),
        "mps" if tch::utils::has_mps() => return Ok(Device::Mps),
        "mps" => return Err(DeviceError::NoMps),
        "cuda" => 0,
        other => other
            .strip_prefix("cuda:")
            .and_then(|index| index.parse::<usize>().ok())
            .ok_or_else(|| DeviceError::Unknown(other.to_owned()))?,
    };
    if !Cuda::is_available() {
        return Err(DeviceError::NoCuda { asked: asked.to_owned(), because: why_not() });
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
        if cfg!(not(target_os = "macos")) {
            assert!(matches!(device("mps"), Err(DeviceError::NoMps)));
        }
        let absent = device("cuda:999").unwrap_err().to_string();
        assert!(absent.contains("cuda:999"), "{absent}");
    }

    #[test]
    fn a_device_has_the_name_that_asks_for_it() {
        let names = [Device::Cpu, Device::Cuda(1), Device::Mps].map(short_name);
        assert_eq!(names, ["cpu", "cuda:1", "mps"]);
    }

    #[test]
    fn a_gpu_that_is_not_there_has_no_name() {
        assert_eq!((name(999), address(999)), (None, None));
    }
}
