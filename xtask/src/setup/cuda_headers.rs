//! The headers of CUDA and NCCL, out of pip packages, in the folder `cuda` next to libtorch's own: with them the program is compiled
//! with NCCL (`torch-extra/build.rs`). libtorch brings none of them, whatever it comes from.

use std::fs;
use std::path::Path;

use ::pip::Pip;
use anyhow::{Context, Result, ensure};

use super::wheels::{download, no_pip, wheel};
use crate::process::{Interrupted, say};
use crate::tools::{Tool, unpack};

/// A pip package, and the folder in it that is needed.
struct Headers {
    requirement: &'static str,
    package: &'static str,
    /// What lies in it is what is included.
    root: &'static str,
    /// `root`, or a folder in it.
    needed: &'static str,
}

/// CUDA's own, and NCCL in the version that this libtorch was built with. Of 1,700 headers of the third three are needed.
const HEADERS: [Headers; 4] = [
    Headers {
        requirement: "nvidia-cuda-runtime==13.0.*",
        package: "nvidia_cuda_runtime",
        root: "nvidia/cu13/include",
        needed: "nvidia/cu13/include",
    },
    Headers {
        requirement: "nvidia-cuda-crt==13.0.*",
        package: "nvidia_cuda_crt",
        root: "nvidia/cu13/include",
        needed: "nvidia/cu13/include/crt",
    },
    Headers {
        requirement: "nvidia-cuda-cccl==13.0.*",
        package: "nvidia_cuda_cccl",
        root: "nvidia/cu13/include",
        needed: "nvidia/cu13/include/nv",
    },
    Headers {
        requirement: "nvidia-nccl-cu13==2.28.9",
        package: "nvidia_nccl_cu13",
        root: "nvidia/nccl/include",
        needed: "nvidia/nccl/include",
    },
];

/// Adds them to the folder of a libtorch, where they can be had; what is in `wheels` already is not downloaded again. Without
/// them gradients of GPUs go over Gloo.
///
/// # Errors
/// On interruption.
pub(super) fn add(downloader: &Tool, wheels: &Path, folder: &Path) -> Result<()> {
    let fetch = || -> Result<()> {
        let pip = Pip::find().with_context(no_pip)?;
        fs::create_dir_all(wheels).with_context(|| format!("cannot make {}", wheels.display()))?;
        download(&pip, &HEADERS.map(|headers| headers.requirement), wheels)?;
        take(downloader, wheels, folder)
    };
    match fetch() {
        Err(error) if !error.is::<Interrupted>() => {
            say(format!("No headers of CUDA and NCCL: {error:#}. Gradients of GPUs will go over Gloo."));
            Ok(())
        }
        result => result,
    }
}

/// Takes them out of the wheels.
fn take(downloader: &Tool, wheels: &Path, folder: &Path) -> Result<()> {
    for Headers { package, root, needed, .. } in &HEADERS {
        let wheel = wheel(wheels, package)?;
        let out = wheels.join(format!("{package}.headers"));
        let count = unpack(downloader, &wheel, &out, &[needed], 1 << 28)?;
        ensure!(count > 0, "{} holds no {needed}", wheel.display());
        merge(&out.join(root), &folder.join("cuda")).with_context(|| {
            format!("cannot move the headers of {package} to {}", folder.join("cuda").display())
        })?;
    }
    Ok(())
}

/// Moves what is in a folder into another, where some of its folders may be already.
fn merge(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            merge(&entry.path(), &place)?;
        } else {
            fs::rename(entry.path(), place)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::wheels::tests::{downloader, write_wheel};
    use super::*;

    #[test]
    fn headers_of_four_packages_lie_in_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (wheels, out) = (folder.path().join("wheels"), folder.path().join("out"));
        fs::create_dir(&wheels).unwrap();
        let files = [
            ("nvidia_cuda_runtime-13.0.96", "nvidia/cu13/include/cuda_runtime_api.h"),
            ("nvidia_cuda_crt-13.0.88", "nvidia/cu13/include/crt/host_config.h"),
            ("nvidia_cuda_cccl-13.0.85", "nvidia/cu13/include/nv/target"),
            ("nvidia_nccl_cu13-2.28.9", "nvidia/nccl/include/nccl.h"),
        ];
        for (name, file) in files {
            let names = [file, "nvidia/cu13/include/cccl/thrust/x.h", "nvidia/nccl/lib/libnccl.so.2"];
            write_wheel(&wheels.join(format!("{name}-py3-none-x.whl")), &names);
        }
        take(&downloader(), &wheels, &out).unwrap();
        for header in ["cuda_runtime_api.h", "crt/host_config.h", "nv/target", "nccl.h"] {
            assert!(out.join("cuda").join(header).is_file(), "{header}");
        }
        assert!(!out.join("cuda/libnccl.so.2").exists());
        fs::remove_file(wheels.join("nvidia_cuda_runtime-13.0.96-py3-none-x.whl")).unwrap();
        let error = take(&downloader(), &wheels, &out).unwrap_err().to_string();
        assert!(error.contains("nvidia_cuda_runtime"), "{error}");
    }
}
