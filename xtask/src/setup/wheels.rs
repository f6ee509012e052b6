//! Wheels of pip, as set-up takes them: downloaded, and found again.

use std::path::{Path, PathBuf};

use ::pip::Pip;
use anyhow::{Context, Result};

use crate::process::{self, Interrupted, say};

/// Message where no pip is installed.
pub(crate) fn no_pip() -> String {
    let calls = ::pip::CALLS.map(|call| format!("`{}`", call.join(" "))).join(" nor ");
    format!("no pip: neither {calls} answers (on Debian: `apt install python3-pip`)")
}

/// Downloads the wheels that satisfy `requirements` into `folder`, dependencies left out.
///
/// If the user's own Python has no fitting wheel, it asks again for the wheel of another.
pub(super) fn download(pip: &Pip, requirements: &[&str], folder: &Path) -> Result<()> {
    let own = process::run_as_progress(pip.download(folder).arg("--no-deps").args(requirements));
    match own {
        Err(error) if !error.is::<Interrupted>() => {
            say(format!("{error:#}; asking for the wheel of another Python"));
            let mut other = pip.download(folder);
            process::run_as_progress(::pip::for_python_3_12(&mut other).arg("--no-deps").args(requirements))
        }
        result => result,
    }
}

/// The one wheel of `package` in `folder`.
pub(super) fn wheel(folder: &Path, package: &str) -> Result<PathBuf> {
    let found =
        ::pip::wheel(folder, package, None).with_context(|| format!("cannot list {}", folder.display()))?;
    found.with_context(|| format!("pip left no wheel of {package} in {}", folder.display()))
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::path::Path;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use crate::tools::{self, Tool};
    use crate::workspace::Workspace;

    /// The program that unpacks.
    pub(in crate::setup) fn downloader() -> Tool {
        tools::downloader(&Workspace::find().unwrap()).unwrap()
    }

    /// A wheel with these files, each of which holds its own name.
    pub(in crate::setup) fn write_wheel(path: &Path, names: &[&str]) {
        let mut writer = ZipWriter::new(File::create(path).unwrap());
        for name in names {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }
}
