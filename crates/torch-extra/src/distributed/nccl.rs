//! NCCL: a shared library within the program, which the build script compiles where it finds the headers of CUDA and NCCL. It is
//! opened after libtorch's CUDA half, whose `ProcessGroupNCCL` it makes groups of.

use std::error::Error as _;
use std::ffi::{c_char, c_int};
use std::fs::File;
use std::io;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::ffi::{RawGroup, RawStore};
use crate::cuda;
use crate::shim::checked;

/// The library.
#[cfg(nccl)]
const LIBRARY: Option<&[u8]> = Some(include_bytes!(env!("TORCH_EXTRA_NCCL")));
#[cfg(not(nccl))]
const LIBRARY: Option<&[u8]> = None;

type MakeGroup =
    unsafe extern "C" fn(*mut RawStore, *const c_char, c_int, c_int, i64, *mut *mut RawGroup) -> *mut c_char;
type Version = unsafe extern "C" fn(*mut c_int, *mut c_int, *mut c_int) -> *mut c_char;

/// The library, opened.
pub(super) struct Nccl {
    /// `extra_group_nccl` of the shim.
    pub(super) make_group: MakeGroup,
    version: String,
    /// The functions are its own.
    _library: Library,
}

/// Returns the version of NCCL over which GPUs can sum gradients here, `2.28.9`. Call it after [`cuda::load`].
///
/// # Errors
/// Where there is none: why.
pub fn nccl() -> Result<&'static str, &'static str> {
    opened().map(|nccl| nccl.version.as_str())
}

/// Returns the library, which is opened once.
pub(super) fn opened() -> Result<&'static Nccl, &'static str> {
    static OPENED: OnceLock<Result<Nccl, String>> = OnceLock::new();
    let open_ours = || {
        let library = LIBRARY.ok_or("the program was compiled without the headers of NCCL")?;
        cuda::loaded()?;
        open(library)
    };
    OPENED.get_or_init(open_ours).as_ref().map_err(String::as_str)
}

/// Opens a library that libtorch's CUDA half has the symbols for.
fn open(bytes: &[u8]) -> Result<Nccl, String> {
    let file = in_memory(bytes).map_err(|error| format!("the part for NCCL has no memory: {error}"))?;
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let refused = |error: libloading::Error| {
        let because = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        format!("the part for NCCL cannot be opened: {because}")
    };
    // SAFETY: its initialisers are those of C++ constants in headers. The two functions are of these types in shim/nccl.cpp.
    let (library, make_group, version) = unsafe {
        let library = Library::open(Some(path), RTLD_NOW | RTLD_LOCAL).map_err(refused)?;
        let make_group = *library.get::<MakeGroup>(b"extra_group_nccl\0").map_err(refused)?;
        let version = *library.get::<Version>(b"extra_nccl_version\0").map_err(refused)?;
        (library, make_group, version)
    };
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: it writes three numbers.
    let asked = checked(unsafe { version(&raw mut major, &raw mut minor, &raw mut patch) });
    asked.map_err(|error| error.to_string())?;
    Ok(Nccl { make_group, version: format!("{major}.{minor}.{patch}"), _library: library })
}

/// Returns a file that is in memory alone: a folder for temporary files may forbid to run what is in it.
#[cfg(target_os = "linux")]
fn in_memory(bytes: &[u8]) -> io::Result<File> {
    use std::io::Write;
    use std::os::fd::FromRawFd;

    // SAFETY: the name is a text with a zero at its end.
    let descriptor = unsafe { libc::memfd_create(c"finetune-nccl".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is new, and nobody else's.
    let mut file = unsafe { File::from_raw_fd(descriptor) };
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tch::{Cuda, Device, Kind, Tensor};

    use super::*;
    use crate::distributed::{Group, Member, Reducer, Store};

    #[test]
    fn without_libtorchs_cuda_half_there_is_a_reason_and_no_crash() {
        let Err(no_library) = open(b"no library") else { panic!("it was opened") };
        assert!(no_library.contains("cannot be opened"), "{no_library}");
        if let Some(library) = LIBRARY {
            let Err(too_early) = open(library) else { panic!("it was opened") };
            assert!(too_early.contains("undefined symbol"), "{too_early}");
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Store::file(&folder.path().join("store"), 1).unwrap();
        let member = Member { rank: 0, world: 1 };
        let refused = Group::nccl(&store, "g", member, Duration::from_secs(1)).unwrap_err().to_string();
        assert!(refused.contains(nccl().unwrap_err()), "{refused}");
    }

    /// As far as a machine goes: without a GPU the library opens, and a group is refused by `ProcessGroupNCCL` itself.
    #[test]
    #[ignore = "needs libtorch with CUDA, and NCCL's headers at build time: cargo xtask test --gpus 1"]
    fn nccl_sums_on_a_gpu() {
        cuda::load();
        assert!(nccl().unwrap().starts_with("2."));
        let folder = tempfile::tempdir().unwrap();
        let store = Store::file(&folder.path().join("store"), 1).unwrap();
        let member = Member { rank: 0, world: 1 };
        let group = Group::nccl(&store, "g", member, Duration::from_secs(60));
        if !Cuda::is_available() {
            let refused = group.unwrap_err().to_string();
            assert!(refused.contains("no GPUs found"), "{refused}");
            return;
        }
        let group = group.unwrap();
        let mut sum = Tensor::from_slice(&[1.5f32, -2.0]).to_device(Device::Cuda(0));
        group.sum(&mut sum).unwrap();
        assert_eq!(Vec::<f32>::try_from(&sum.to_device(Device::Cpu)).unwrap(), [1.5, -2.0]);
        let weight = Tensor::ones([3, 3], (Kind::Float, Device::Cuda(0))).set_requires_grad(true);
        let parameters = [weight];
        let mut reducer = Reducer::new(&group, &parameters).unwrap();
        for _ in 0..3 {
            reducer.expect().unwrap();
            (&parameters[0] * 2.0).sum(Kind::Float).f_backward().unwrap();
            reducer.finished().unwrap();
        }
        let gradient = parameters[0].grad().sum(Kind::Float).double_value(&[]);
        assert!((gradient - 54.0).abs() < 1e-6, "{gradient}");
    }
}
