//! libtorch out of the pip package `torch`.
//!
//! The package holds libtorch and much else. For the CPU a few of its libraries and the headers suffice, but on Linux its
//! `libtorch_cpu.so` is linked against two small CUDA libraries, which come as packages of their own and are found
//! in the same folder (`$ORIGIN`). `libtorch.so` becomes a linker script there, so that nothing pulls in `libtorch_cuda.so`. The
//! licences of the packages stay next to the libraries, for bundles.

use std::fs;
use std::path::{Path, PathBuf};

use ::pip::Pip;
use anyhow::{Context, Result, ensure};

use super::cuda_headers;
use super::libtorch::{self, VERSION, Variant};
use super::room::need_room;
use super::target::Target;
use super::wheels::{download, no_pip, wheel};
use crate::process::{self, say};
use crate::tools::{Tool, unpack};

/// How this origin is called in messages.
pub(super) const ORIGIN: &str = "the pip package torch";

/// What `libtorch_cpu.so` of the CUDA 13.0 package is linked against, as packages.
const RUNTIME: [&str; 2] = ["nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"];

const GIB: u64 = 1 << 30;

/// Fills `folder` with `include` and `lib`.
pub(super) fn install(downloader: &Tool, folder: &Path, target: &Target, variant: Variant) -> Result<()> {
    let pip = Pip::find().with_context(no_pip)?;
    say(format!("Using {}", pip.version));
    // The wheels and what is taken out of them.
    need_room(folder, variant)?;
    let wheels = folder.join("wheels");
    fs::create_dir(&wheels).with_context(|| format!("cannot make {}", wheels.display()))?;
    let torch = format!("torch=={VERSION}");
    match variant {
        Variant::Cpu => {
            let runtime: &[&str] = if target.needs_runtime { &RUNTIME } else { &[] };
            download(&pip, &[&[torch.as_str()], runtime].concat(), &wheels)?;
            unpack_cpu(downloader, &wheels, folder, target)?;
        }
        Variant::Cuda => {
            download(&pip, &[&torch], &wheels)?;
            let required = cuda_requirements(downloader, &wheel(&wheels, "torch")?, &wheels)?;
            process::run_as_progress(pip.download(&wheels).args(&required))?;
            unpack_cuda(downloader, &wheels, folder)?;
            cuda_headers::add(downloader, &wheels, folder)?;
        }
    }
    keep_licences(downloader, &wheels, folder)?;
    fs::remove_dir_all(&wheels).with_context(|| format!("cannot remove {}", wheels.display()))
}

/// Keeps the licences of all wheels, a file for each package.
fn keep_licences(downloader: &Tool, wheels: &Path, folder: &Path) -> Result<()> {
    let to = folder.join("licences");
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for wheel in ::pip::wheels(wheels).with_context(|| format!("cannot list {}", wheels.display()))? {
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let (package, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (out, inner) =
            (wheels.join(format!("{package}.about")), format!("{package}-{version}.dist-info/licenses"));
        if unpack(downloader, &wheel, &out, &[&inner], 1 << 24)? > 0 {
            let text = joined(&out.join(&inner))?;
            libtorch::write(&to.join(format!("{package}.txt")), &text)?;
        }
    }
    Ok(())
}

/// The texts in a folder, one behind the other.
fn joined(folder: &Path) -> Result<String> {
    let cannot = || format!("cannot read {}", folder.display());
    let entries = fs::read_dir(folder)
        .with_context(cannot)?
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(cannot)?;
    let mut paths: Vec<PathBuf> =
        entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned()));
    Ok(texts.collect::<std::io::Result<Vec<_>>>().with_context(cannot)?.join("\n\n"))
}

/// Takes what the CPU needs out of the wheels.
fn unpack_cpu(downloader: &Tool, wheels: &Path, folder: &Path, target: &Target) -> Result<()> {
    let opened = wheels.join("opened");
    let torch = wheel(wheels, "torch")?;
    let libraries: Vec<String> = target.libraries.iter().map(|name| format!("torch/lib/{name}")).collect();
    let wanted: Vec<&str> =
        std::iter::once("torch/include").chain(libraries.iter().map(String::as_str)).collect();
    unpack(downloader, &torch, &opened, &wanted, 4 * GIB)?;
    if !target.needs_runtime {
        return move_torch(&opened, folder);
    }
    for (package, library) in [
        ("nvidia_cuda_runtime", "nvidia/cu13/lib/libcudart.so.13"),
        ("nvidia_cuda_cupti", "nvidia/cu13/lib/libcupti.so.13"),
    ] {
        let wheel = wheel(wheels, package)?;
        let out = wheels.join(package);
        let count = unpack(downloader, &wheel, &out, &[library], GIB)?;
        ensure!(count == 1, "{} holds no {library}", wheel.display());
        gather_libraries(&out, &opened.join("torch/lib"))?;
    }
    move_torch(&opened, folder)?;
    libtorch::write(&folder.join("lib/libtorch.so"), "INPUT(-ltorch_cpu)\n")
}

/// Takes all libraries out of the wheels, into one `lib`: there they find each other by `$ORIGIN`.
fn unpack_cuda(downloader: &Tool, wheels: &Path, folder: &Path) -> Result<()> {
    let opened = wheels.join("opened");
    let torch = wheel(wheels, "torch")?;
    unpack(downloader, &torch, &opened, &["torch/include", "torch/lib"], 20 * GIB)?;
    let lib = opened.join("torch/lib");
    // Python's own binding would need Python to link.
    let python = lib.join("libtorch_python.so");
    if python.exists() {
        fs::remove_file(&python).with_context(|| format!("cannot remove {}", python.display()))?;
    }
    for (number, wheel) in ::pip::wheels(wheels)
        .with_context(|| format!("cannot list {}", wheels.display()))?
        .iter()
        .filter(|wheel| **wheel != torch)
        .enumerate()
    {
        let out = wheels.join(number.to_string());
        if unpack(downloader, wheel, &out, &["nvidia"], 20 * GIB)? > 0 {
            gather_libraries(&out, &lib)?;
        }
    }
    move_torch(&opened, folder)
}

/// Moves every shared library below `from` into `lib`.
fn gather_libraries(from: &Path, lib: &Path) -> Result<()> {
    let list =
        || -> std::io::Result<Vec<PathBuf>> { fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect() };
    for path in list().with_context(|| format!("cannot list {}", from.display()))? {
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            gather_libraries(&path, lib)?;
        } else if name.to_string_lossy().contains(".so") {
            let place = lib.join(name);
            ensure!(!place.exists(), "two packages bring {}", place.display());
            fs::rename(&path, &place).with_context(|| format!("cannot make {}", place.display()))?;
        }
    }
    Ok(())
}

/// Moves the `include` and `lib` of an opened torch wheel to their place.
fn move_torch(opened: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in ["include", "lib"] {
        let place = folder.join(name);
        fs::rename(opened.join("torch").join(name), &place)
            .with_context(|| format!("cannot make {}: the torch wheel holds no {name}", place.display()))?;
    }
    Ok(())
}

/// What the torch wheel requires of NVIDIA's packages, read from its metadata.
fn cuda_requirements(downloader: &Tool, torch: &Path, wheels: &Path) -> Result<Vec<String>> {
    let (opened, inner) = (wheels.join("metadata"), format!("torch-{VERSION}.dist-info/METADATA"));
    unpack(downloader, torch, &opened, &[&inner], 1 << 20)?;
    let metadata = fs::read_to_string(opened.join(&inner))
        .with_context(|| format!("cannot read the metadata of {}", torch.display()))?;
    let required = nvidia_lines(&metadata);
    ensure!(!required.is_empty(), "{} requires no NVIDIA package: it is no CUDA build", torch.display());
    Ok(required)
}

fn nvidia_lines(metadata: &str) -> Vec<String> {
    let required = metadata.lines().filter_map(|line| line.strip_prefix("Requires-Dist: "));
    let nvidia = required.filter(|name| name.starts_with("nvidia-") || name.starts_with("cuda-toolkit"));
    // The marker after `;` is about the platform, which is ours.
    nvidia.filter_map(|line| line.split(';').next()).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::wheels::tests::{downloader, write_wheel};
    use super::*;

    /// Tiny wheels with the names and the layout of the real ones.
    fn write_wheels(folder: &Path) {
        write_wheel(
            &folder.join("torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl"),
            &[
                "torch/__init__.py",
                "torch/include/torch/csrc/api/include/torch/torch.h",
                "torch/lib/libc10.so",
                "torch/lib/libc10_cuda.so",
                "torch/lib/libtorch.so",
                "torch/lib/libtorch_cpu.so",
                "torch/lib/libtorch_cuda.so",
                "torch/lib/libtorch_python.so",
                "torch/lib/libgomp.so.1",
                "torch-2.11.0.dist-info/licenses/LICENSE",
                "torch-2.11.0.dist-info/licenses/NOTICE",
            ],
        );
        write_wheel(
            &folder.join("nvidia_cuda_runtime-13.0.96-py3-none-x.whl"),
            &[
                "nvidia/cu13/lib/libcudart.so.13",
                "nvidia_cuda_runtime-13.0.96.dist-info/licenses/License.txt",
            ],
        );
        write_wheel(
            &folder.join("nvidia_cuda_cupti-13.0.85-py3-none-x.whl"),
            &["nvidia/cu13/lib/libcupti.so.13"],
        );
    }

    fn linux() -> Target {
        super::super::target::of("linux", "x86_64", Variant::Cpu).unwrap()
    }

    fn listed(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn the_cpu_set_is_what_the_recipe_says_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write_wheels(folder.path());
        unpack_cpu(&downloader(), folder.path(), &out, &linux()).unwrap();
        keep_licences(&downloader(), folder.path(), &out).unwrap();
        libtorch::finish(&out, Variant::Cpu, ORIGIN).unwrap();
        let expected = [
            "libc10.so",
            "libcudart.so.13",
            "libcupti.so.13",
            "libgomp.so",
            "libgomp.so.1",
            "libtorch.so",
            "libtorch_cpu.so",
        ];
        assert_eq!(listed(&out.join("lib")), expected);
        assert_eq!(fs::read_to_string(out.join("lib/libtorch.so")).unwrap(), "INPUT(-ltorch_cpu)\n");
        assert_eq!(listed(&out), ["build-version", "include", "lib", "licences", "set-up.json"]);
        assert_eq!(listed(&out.join("licences")), ["nvidia_cuda_runtime.txt", "torch.txt"]);
        let text = fs::read_to_string(out.join("licences/torch.txt")).unwrap();
        assert!(text.contains("LICENSE") && text.contains("NOTICE"), "{text}");
    }

    #[test]
    fn the_cuda_set_has_every_library_in_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        write_wheels(folder.path());
        unpack_cuda(&downloader(), folder.path(), &out).unwrap();
        libtorch::finish(&out, Variant::Cuda, ORIGIN).unwrap();
        let lib = listed(&out.join("lib"));
        for name in ["libtorch_cuda.so", "libc10_cuda.so", "libcudart.so.13", "libcupti.so.13", "libtorch.so"]
        {
            assert!(lib.iter().any(|have| have == name), "{name} is not among {lib:?}");
        }
        assert!(!lib.iter().any(|name| name == "libtorch_python.so"));
    }

    #[test]
    fn on_a_mac_one_wheel_has_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = super::super::target::of("macos", "aarch64", Variant::Cpu).unwrap();
        let files = [
            "include/torch/csrc/api/include/torch/torch.h",
            "lib/libc10.dylib",
            "lib/libtorch_cpu.dylib",
            "lib/libtorch.dylib",
            "lib/libomp.dylib",
            "lib/libtorch_python.dylib",
        ];
        let files = files.map(|name| format!("torch/{name}"));
        write_wheel(
            &folder.path().join("torch-2.11.0-cp312-cp312-macosx_11_0_arm64.whl"),
            &files.each_ref().map(String::as_str),
        );
        let out = folder.path().join("out");
        unpack_cpu(&downloader(), folder.path(), &out, &target).unwrap();
        libtorch::finish(&out, Variant::Cpu, ORIGIN).unwrap();
        assert_eq!(
            listed(&out.join("lib")),
            ["libc10.dylib", "libomp.dylib", "libtorch.dylib", "libtorch_cpu.dylib"]
        );
    }

    #[test]
    fn a_missing_wheel_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write_wheels(folder.path());
        fs::remove_file(folder.path().join("nvidia_cuda_cupti-13.0.85-py3-none-x.whl")).unwrap();
        let error = unpack_cpu(&downloader(), folder.path(), &folder.path().join("out"), &linux())
            .unwrap_err()
            .to_string();
        assert!(error.contains("nvidia_cuda_cupti"), "{error}");
    }

    #[test]
    fn the_requirements_of_the_cuda_build_are_read_from_the_metadata() {
        let metadata = "Name: torch\nRequires-Dist: filelock\n\
            Requires-Dist: cuda-toolkit[cublas,cudart]==13.0.2; platform_system == \"Linux\"\n\
            Requires-Dist: cuda-bindings<14,>=13.0.3; platform_system == \"Linux\"\n\
            Requires-Dist: nvidia-cudnn-cu13==9.19.0.56; platform_system == \"Linux\"\nRequires-Dist: triton==3.6.0\n";
        assert_eq!(
            nvidia_lines(metadata),
            ["cuda-toolkit[cublas,cudart]==13.0.2", "nvidia-cudnn-cu13==9.19.0.56"]
        );
    }
}
