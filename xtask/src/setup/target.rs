//! Where libtorch comes from on each kind of machine, and what of it is needed.
//!
//! Only Linux on x86-64 was ever compiled and run. The rest was read off PyTorch's own packages of this version: names of files,
//! what each is linked against, tags of wheels.

use anyhow::{Result, bail};

use super::libtorch::{VERSION, Variant};

/// Where libtorch comes from for one kind of machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Address of PyTorch's archive; `None` where there is none.
    pub(super) archive: Option<String>,
    /// Files of the pip package `torch`, in `torch/lib`, that the CPU needs.
    pub(super) libraries: &'static [&'static str],
    /// Whether those are linked against CUDA's runtime, which comes in packages of its own.
    pub(super) needs_runtime: bool,
}

/// The three files of libtorch itself, with `libgomp`.
const LINUX: [&str; 3] = ["libc10.so", "libtorch_cpu.so", "libgomp.so.1"];

/// On Arm `libtorch_cpu.so` is linked against Arm's Compute Library and NVIDIA's BLAS and LAPACK as well.
const LINUX_ARM: [&str; 9] = [
    "libc10.so",
    "libtorch_cpu.so",
    "libgomp.so.1",
    "libarm_compute.so",
    "libarm_compute_graph.so",
    "libnvpl_blas_core.so.0",
    "libnvpl_blas_lp64_gomp.so.0",
    "libnvpl_lapack_core.so.0",
    "libnvpl_lapack_lp64_gomp.so.0",
];

const MACOS: [&str; 4] = ["libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib", "libomp.dylib"];

/// Returns where libtorch comes from on a machine with this system and processor, in the words of `std::env::consts`.
///
/// # Errors
/// PyTorch has none for it.
pub(super) fn of(system: &str, processor: &str, variant: Variant) -> Result<Target> {
    let tag = variant.tag();
    let at = |file: String| Some(format!("https://download.pytorch.org/libtorch/{file}"));
    let target = match (system, processor, variant) {
        ("linux", "x86_64", _) => Target {
            archive: at(format!("{tag}/libtorch-shared-with-deps-{VERSION}%2B{tag}.zip")),
            libraries: &LINUX,
            needs_runtime: true,
        },
        ("linux", "aarch64", _) => Target { archive: None, libraries: &LINUX_ARM, needs_runtime: true },
        ("macos", "aarch64", Variant::Cpu) => Target {
            archive: at(format!("cpu/libtorch-macos-arm64-{VERSION}.zip")),
            libraries: &MACOS,
            needs_runtime: false,
        },
        ("macos", _, Variant::Cuda) => {
            bail!("there is no CUDA on macOS: leave --cuda away, and set run.device = \"mps\"")
        }
        ("macos", "x86_64", _) => {
            bail!("PyTorch has not been built for Macs with Intel processors since 2.3")
        }
        _ => bail!(
            "PyTorch {VERSION} has no libtorch for {system} on {processor} that this command knows: set LIBTORCH to the folder of \
             one of your own"
        ),
    };
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_source_or_a_reason() {
        let cpu = "https://download.pytorch.org/libtorch/cpu/libtorch-shared-with-deps-2.11.0%2Bcpu.zip";
        let cuda = "https://download.pytorch.org/libtorch/cu130/libtorch-shared-with-deps-2.11.0%2Bcu130.zip";
        let mac = "https://download.pytorch.org/libtorch/cpu/libtorch-macos-arm64-2.11.0.zip";
        type Expected = Result<(Option<&'static str>, usize, bool), &'static str>;
        let table: [(&str, &str, Variant, Expected); 12] = [
            ("linux", "x86_64", Variant::Cpu, Ok((Some(cpu), 3, true))),
            ("linux", "x86_64", Variant::Cuda, Ok((Some(cuda), 3, true))),
            ("linux", "aarch64", Variant::Cpu, Ok((None, 9, true))),
            ("linux", "aarch64", Variant::Cuda, Ok((None, 9, true))),
            ("macos", "aarch64", Variant::Cpu, Ok((Some(mac), 4, false))),
            ("macos", "aarch64", Variant::Cuda, Err("mps")),
            ("macos", "x86_64", Variant::Cpu, Err("Intel")),
            ("macos", "x86_64", Variant::Cuda, Err("mps")),
            ("windows", "x86_64", Variant::Cpu, Err("LIBTORCH")),
            ("linux", "riscv64", Variant::Cpu, Err("LIBTORCH")),
            ("freebsd", "x86_64", Variant::Cuda, Err("LIBTORCH")),
            ("linux", "powerpc64", Variant::Cpu, Err("LIBTORCH")),
        ];
        for (system, processor, variant, expected) in table {
            match (of(system, processor, variant), expected) {
                (Ok(found), Ok((archive, libraries, needs_runtime))) => {
                    assert_eq!(found.archive.as_deref(), archive, "{system} {processor} {variant}");
                    assert_eq!(found.libraries.len(), libraries, "{system} {processor} {variant}");
                    assert_eq!(found.needs_runtime, needs_runtime, "{system} {processor} {variant}");
                    let ending = if system == "macos" { ".dylib" } else { ".so" };
                    assert!(found.libraries.iter().all(|name| name.contains(ending)), "{found:?}");
                }
                (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
                (found, expected) => panic!("{system} {processor} {variant}: {found:?}, not {expected:?}"),
            }
        }
    }
}
