//! The user's own libtorch: `LIBTORCH` or `LIBTORCH_USE_PYTORCH`, as torch-sys's build script reads them.
//!
//! These win at build time whatever lies in `.libtorch`, so a wrong one is an error and never silently passed over.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::Found;
use super::libtorch::{self, VERSION, Variant};
use crate::process::{self, say};
use crate::workspace::Workspace;

/// The user's own libtorch, `None` if the user named none.
///
/// # Errors
/// The user named one that is not there, not complete, of another version, or not the build that is wanted.
pub(super) fn given(workspace: &Workspace, wanted: Variant) -> Result<Option<Found>> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    if variable("LIBTORCH_USE_PYTORCH").is_some() {
        return from_python(wanted).map(Some);
    }
    let Some(folder) = variable("LIBTORCH") else { return Ok(None) };
    // Cargo sets LIBTORCH for xtask too, out of `.cargo/config.toml`: that is not the user's.
    if folder == workspace.libtorch_link() {
        return Ok(None);
    }
    let include = variable("LIBTORCH_INCLUDE").unwrap_or_else(|| folder.clone());
    let lib = variable("LIBTORCH_LIB").unwrap_or_else(|| folder.clone());
    check(&folder, &include, &lib, wanted).with_context(|| {
        format!(
            "LIBTORCH={} is set but cannot be used; unset it or point it to libtorch {VERSION} ({wanted})",
            folder.display()
        )
    })?;
    Ok(Some(Found { origin: "LIBTORCH".to_owned(), folder: Some(folder) }))
}

fn check(folder: &Path, include: &Path, lib: &Path, wanted: Variant) -> Result<()> {
    ensure!(folder.is_absolute(), "it must be an absolute path");
    ensure!(folder.is_dir(), "there is no such folder");
    libtorch::check_headers(include)?;
    libtorch::check_libraries(&lib.join("lib"), wanted)?;
    tolerate_if_bypassed(libtorch::check_version(folder))
}

/// What torch-sys's build script needs of Python, and what decides about it: the version, and CUDA's or `None`.
const ASK: &str =
    "import torch; from torch.utils import cpp_extension; print(torch.__version__, torch.version.cuda)";

fn from_python(wanted: Variant) -> Result<Found> {
    // As torch-sys chooses it.
    let python = if std::env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let answer = process::ask(Command::new(python).args(["-c", ASK])).with_context(|| {
        format!(
            "LIBTORCH_USE_PYTORCH is set, but `{python} -c 'import torch; import torch.utils.cpp_extension'` fails; \
             unset it or `{python} -m pip install torch=={VERSION} setuptools`"
        )
    })?;
    let (version, cuda) = answer.split_once(' ').unwrap_or((&answer, "None"));
    let checked = if libtorch::is_ours(version) {
        Ok(())
    } else {
        Err(anyhow::anyhow!(
            "LIBTORCH_USE_PYTORCH is set, but {python} has PyTorch {version}; unset it or \
             `{python} -m pip install torch=={VERSION}`"
        ))
    };
    tolerate_if_bypassed(checked)?;
    ensure!(
        wanted == Variant::Cpu || cuda != "None",
        "LIBTORCH_USE_PYTORCH is set, but {python} has a PyTorch without CUDA; unset it, or leave --cuda away"
    );
    Ok(Found { origin: format!("LIBTORCH_USE_PYTORCH ({python} has PyTorch {version})"), folder: None })
}

/// torch-sys lets another version pass when this variable is set: then so do we, but not silently.
fn tolerate_if_bypassed(checked: Result<()>) -> Result<()> {
    match checked {
        Err(error) if std::env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some() => {
            say(format!("Warning: {error:#}; going on because LIBTORCH_BYPASS_VERSION_CHECK is set."));
            Ok(())
        }
        Err(error) => bail!(error),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_version_or_without_libraries_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let refusal = || check(path, path, path, Variant::Cpu).unwrap_err().to_string();
        assert!(refusal().contains("torch.h is missing"), "{}", refusal());
        libtorch::write_fake(path, "2.4.0", Variant::Cpu);
        assert!(refusal().contains("2.4.0, not 2.11.0"), "{}", refusal());
        libtorch::write_fake(path, "2.11.0+cpu", Variant::Cpu);
        check(path, path, path, Variant::Cpu).unwrap();
        let cuda = check(path, path, path, Variant::Cuda).unwrap_err().to_string();
        assert!(cuda.contains("libc10_cuda.so is missing"), "{cuda}");
        std::fs::remove_file(path.join("lib/libtorch_cpu.so")).unwrap();
        assert!(refusal().contains("libtorch_cpu.so is missing"), "{}", refusal());
    }

    #[test]
    fn a_relative_path_is_refused_because_build_scripts_run_elsewhere() {
        let path = Path::new("libtorch");
        assert!(check(path, path, path, Variant::Cpu).unwrap_err().to_string().contains("absolute"));
    }
}
