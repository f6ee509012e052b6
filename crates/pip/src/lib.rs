//! Python's package installer as a plain download client: nothing is installed, no Python code of a package runs.
//!
//! This crate knows how pip is called and what it leaves; its users run the commands, because they differ in what they
//! show and in what Ctrl-C does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The ways to call pip, in the order in which they are tried.
pub const CALLS: [&[&str]; 4] = [&["python3", "-m", "pip"], &["pip3"], &["pip"], &["python", "-m", "pip"]];

/// Returns the tags of which every wheel that we need carries one, for a system and a processor in the words of `std::env::consts`.
fn platforms(system: &str, processor: &str) -> Vec<String> {
    match system {
        "macos" => {
            let processor = if processor == "aarch64" { "arm64" } else { processor };
            ["macosx_14_0", "macosx_12_0", "macosx_11_0"]
                .map(|system| format!("{system}_{processor}"))
                .to_vec()
        }
        _ => ["manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux_2_17", "manylinux2014"]
            .map(|system| format!("{system}_{processor}"))
            .to_vec(),
    }
}

/// A way to call pip that answered.
#[derive(Debug)]
pub struct Pip {
    call: &'static [&'static str],
    /// What `--version` printed, in one line.
    pub version: String,
}

impl Pip {
    /// Returns the first of [`CALLS`] that answers; `None` if no pip is installed.
    #[must_use]
    pub fn find() -> Option<Self> {
        CALLS.into_iter().find_map(|call| {
            let output =
                command(call).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success().then_some(Self { call, version })
        })
    }

    /// As [`download`], by this pip.
    #[must_use]
    pub fn download(&self, folder: &Path) -> Command {
        download(self.call, folder)
    }
}

/// Returns the command that downloads wheels into `folder`; requirements, and `--no-deps` if wanted, are to be added.
///
/// Only wheels are accepted, because to download anything else pip would run the package's own code.
#[must_use]
pub fn download(call: &[&str], folder: &Path) -> Command {
    let mut command = command(call);
    command.args(["download", "--no-input", "--only-binary=:all:", "--dest"]).arg(folder);
    // pip collects in the temporary folder first, which is often a small one in memory.
    command.env("TMPDIR", folder);
    command
}

/// Asks for wheels of CPython 3.12 on this machine, whatever Python pip itself runs in: the user's own may be older than
/// a package supports, and only the C++ files in the wheel are of interest.
pub fn for_python_3_12(command: &mut Command) -> &mut Command {
    command.args(["--implementation", "cp", "--python-version", "3.12"]);
    for platform in platforms(std::env::consts::OS, std::env::consts::ARCH) {
        command.args(["--platform", &platform]);
    }
    command
}

/// Returns the wheel of `package` in `folder`, of any version if `version` is `None`; `None` if there is none.
///
/// # Errors
/// The folder cannot be listed.
pub fn wheel(folder: &Path, package: &str, version: Option<&str>) -> io::Result<Option<PathBuf>> {
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut parts = name.split('-');
        let (of_package, of_version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        normal(of_package) == normal(package)
            && version.is_none_or(|version| normal(of_version) == normal(version))
    };
    Ok(wheels(folder)?.into_iter().find(fits))
}

/// Returns all wheels in `folder`, sorted by name.
///
/// # Errors
/// The folder cannot be listed.
pub fn wheels(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut wheels = paths.collect::<io::Result<Vec<_>>>()?;
    wheels.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheels.sort();
    Ok(wheels)
}

/// A name as file names of wheels have it: underscores for other signs, and no capitals (PEP 427).
fn normal(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

fn command(call: &[&str]) -> Command {
    let mut words = call.iter();
    let mut command = Command::new(words.next().unwrap_or(&"pip"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_found_by_package_and_version() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "torch-2.11.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            "torch_geometric-1.0-py3-none-any.whl",
            "Some_Model-1.0-py3-none-any.whl",
            "some_model-2.0.1-py3-none-any.whl",
            "some_model-3.0.tar.gz",
        ];
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |package, version| {
            let path = wheel(folder.path(), package, version).unwrap()?;
            Some(path.file_name().unwrap().to_string_lossy().into_owned())
        };
        assert_eq!(found("torch", None).as_deref(), Some(names[0]));
        assert_eq!(found("some-model", Some("1.0")).as_deref(), Some(names[2]));
        assert_eq!(found("Some.Model", Some("2.0.1")).as_deref(), Some(names[3]));
        assert_eq!((found("some-model", Some("3.0")), found("tor", None)), (None, None));
        assert_eq!(wheels(folder.path()).unwrap().len(), 4);
        assert!(wheels(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn tags_are_those_of_the_machine() {
        let table = [
            ("linux", "x86_64", "manylinux_2_28_x86_64"),
            ("linux", "aarch64", "manylinux_2_25_aarch64"),
            ("macos", "aarch64", "macosx_11_0_arm64"),
        ];
        for (system, processor, tag) in table {
            let tags = platforms(system, processor);
            assert!(tags.iter().any(|other| other == tag), "{system} {processor}: {tags:?}");
        }
    }

    #[test]
    fn only_wheels_are_downloaded_whatever_pip_is_called() {
        let words = |command: &Command| -> Vec<String> {
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
        };
        let mut command = download(CALLS[0], Path::new("/w"));
        let expected = ["-m", "pip", "download", "--no-input", "--only-binary=:all:", "--dest", "/w"];
        assert_eq!(
            (command.get_program().to_str(), words(&command)),
            (Some("python3"), expected.map(str::to_owned).to_vec())
        );
        assert_eq!(command.get_envs().next(), Some(("TMPDIR".as_ref(), Some("/w".as_ref()))));
        let other = words(for_python_3_12(&mut command)).join(" ");
        assert!(other.contains("--python-version 3.12 --platform manylinux_2_28_x86_64"), "{other}");
    }
}
