//! Python's package installer, used as a plain download client: nothing is installed, no Python code of a package runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, Interrupted, say};

/// Every Linux wheel of the packages we need carries one of these tags.
const PLATFORMS: [&str; 5] = [
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_25_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
];

/// A way to call pip that answered.
pub(crate) struct Pip {
    /// `python3 -m pip`, say.
    call: Vec<&'static str>,
    /// What `--version` said.
    pub(crate) version: String,
}

impl Pip {
    /// The first of `python3 -m pip`, `pip3` and `pip` that answers.
    pub(crate) fn find() -> Result<Self> {
        let calls: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];
        for call in calls {
            let answer = process::ask(Command::new(call[0]).args(&call[1..]).arg("--version"));
            if let Some(version) = answer {
                return Ok(Self { call: call.to_vec(), version });
            }
        }
        bail!(
            "no pip: neither `python3 -m pip` nor `pip3` nor `pip` answers (on Debian: `apt install python3-pip`)"
        )
    }

    /// Downloads the wheels that satisfy `requirements` into `folder`, dependencies left out.
    ///
    /// If the user's own Python has no fitting wheel (it may be older than the package supports), it asks again for
    /// the wheel of another version: only the C++ files in it are of interest.
    pub(crate) fn download(&self, requirements: &[&str], folder: &Path) -> Result<()> {
        let own = process::run_as_progress(self.command(folder).arg("--no-deps").args(requirements));
        match own {
            Err(error) if !error.is::<Interrupted>() => {
                say(format!("{error:#}; asking for the wheel of another Python"));
                process::run_as_progress(any_python(self.command(folder)).arg("--no-deps").args(requirements))
            }
            result => result,
        }
    }

    /// Downloads `requirements` and everything that they in turn require.
    pub(crate) fn download_with_dependencies(&self, requirements: &[String], folder: &Path) -> Result<()> {
        process::run_as_progress(self.command(folder).args(requirements))
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.call[0]);
        command
            .args(&self.call[1..])
            .args(["download", "--no-input", "--only-binary=:all:", "--dest"])
            .arg(folder);
        // pip collects in the temporary folder first, which is often a small one in memory.
        command.env("TMPDIR", folder);
        command
    }
}

fn any_python(mut command: Command) -> Command {
    command.args(["--implementation", "cp", "--python-version", "3.12"]);
    for platform in PLATFORMS {
        command.args(["--platform", platform]);
    }
    command
}

/// The one wheel of `package` (its name as in file names, with underscores) in `folder`.
pub(crate) fn wheel(folder: &Path, package: &str) -> Result<PathBuf> {
    let found = wheels(folder)?.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.split_once('-').is_some_and(|(start, _)| start == package)
    });
    found.with_context(|| format!("pip left no wheel of {package} in {}", folder.display()))
}

/// All wheels in `folder`, sorted.
pub(crate) fn wheels(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut wheels = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            wheels.push(path);
        }
    }
    wheels.sort();
    Ok(wheels)
}
