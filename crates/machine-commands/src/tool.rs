//! Programs of this workspace that are run rather than linked.
//!
//! A tool takes arguments, shows its progress on stderr and answers with one JSON object a line on stdout. An object
//! with nothing but `error` is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::process;

/// A tool that is built.
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
}

/// Name of the downloader's binary, of the crate `pretrained`.
pub const DOWNLOADER: &str = "finetune-fetch";

/// Environment variable that names another downloader, for tests and for machines that cannot build it.
pub const DOWNLOADER_VARIABLE: &str = "FINETUNE_FETCH";

/// Returns the downloader that lies next to this program, or the one that [`DOWNLOADER_VARIABLE`] names.
///
/// # Errors
/// There is none.
pub fn downloader_nearby() -> Result<Tool> {
    if let Some(program) = std::env::var_os(DOWNLOADER_VARIABLE) {
        return Ok(Tool::at(program.into()));
    }
    let program = this_program()?.with_file_name(DOWNLOADER);
    ensure!(
        program.is_file(),
        "{} is not there, and it is what downloads. Where the sources are: `cargo xtask fetch-weights` and `cargo xtask \
         fetch-data` build it; `cargo install --path crates/pretrained --features fetch` installs it",
        program.display()
    );
    Ok(Tool::at(program))
}

/// Returns the path of this program. Where `/proc` is not mounted it is the one that it was called by.
///
/// # Errors
/// Neither is known.
pub fn this_program() -> Result<PathBuf> {
    let called = || std::env::args_os().next().map(PathBuf::from).filter(|path| path.is_file());
    std::env::current_exe().ok().or_else(called).context("the path of this program is not known")
}

impl Tool {
    /// The tool with this binary.
    #[must_use]
    pub fn at(program: PathBuf) -> Self {
        Self { program }
    }

    /// Where it lies.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The tool's command with these arguments; add to it, and pass it to [`Tool::answers`].
    pub fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--json").args(arguments);
        command
    }

    /// Runs the tool and reads what it answers, errors of single pieces among it.
    ///
    /// # Errors
    /// Ctrl-C; the tool cannot be run, or fails without an answer.
    pub fn answers<T: DeserializeOwned>(command: &mut Command) -> Result<Vec<Result<T>>> {
        process::announce(command);
        let output = process::captured(command)?;
        let answers = output.stdout.lines().map(answer).collect::<Result<Vec<_>>>()?;
        if !output.status.success() && !answers.iter().any(Result::is_err) {
            bail!("`{}` failed ({})", process::shown(command), output.status);
        }
        Ok(answers)
    }

    /// Like [`Tool::answers`], for a tool that answers once.
    pub fn answer<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
        let last = Self::answers(command)?.pop();
        last.with_context(|| format!("`{}` answered nothing", process::shown(command)))?
    }
}

/// A file that the downloader brought or found.
#[derive(Debug, Deserialize)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// How it came.
    pub route: Route,
}

/// How a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// It was there already.
    Found,
    /// From a server.
    Server,
    /// Copied from a folder.
    Folder,
    /// Out of a Python package.
    Package,
}

/// Has the downloader unpack of `zip` what lies at or below the paths `only`, into `into`; returns how many files.
///
/// # Errors
/// The archive is damaged or not safe; something of it is in `into` already; it holds more than `most_bytes`.
pub fn unpack(downloader: &Tool, zip: &Path, into: &Path, only: &[&str], most_bytes: u64) -> Result<usize> {
    let mut command = downloader.command(["unpack"]);
    command.arg(zip).arg("--into").arg(into).arg("--most-bytes").arg(most_bytes.to_string());
    for path in only {
        command.arg("--only").arg(path);
    }
    files(&mut command)
}

/// Runs `unpack` of the downloader.
pub fn files(command: &mut Command) -> Result<usize> {
    #[derive(Deserialize)]
    struct Unpacked {
        files: usize,
    }
    Ok(Tool::answer::<Unpacked>(command)?.files)
}

/// One line of a tool's stdout.
fn answer<T: DeserializeOwned>(line: &str) -> Result<Result<T>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Failed {
        error: String,
    }
    if let Ok(Failed { error }) = serde_json::from_str(line) {
        return Ok(Err(anyhow!(error)));
    }
    let read = |error| Error::new(error).context(format!("a tool answered in an unknown form: {line}"));
    serde_json::from_str(line).map(Ok).map_err(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn answers_and_errors_come_in_order_and_silence_is_an_error() {
        let script = r#"echo '{"path": "a", "route": "server"}'; echo '{"error": "no network"}'; exit 1"#;
        let answers = Tool::answers::<Fetched>(&mut tool(script)).unwrap();
        assert_eq!(answers[0].as_ref().unwrap().route, Route::Server);
        assert_eq!(answers[1].as_ref().unwrap_err().to_string(), "no network");
        assert_eq!(answers.len(), 2);

        let silent = Tool::answers::<Fetched>(&mut tool("exit 3")).unwrap_err().to_string();
        assert!(silent.contains("sh -c 'exit 3'") && silent.contains('3'), "{silent}");
        assert!(Tool::answer::<Fetched>(&mut tool("exit 0")).is_err());
        let odd = Tool::answer::<Fetched>(&mut tool("echo hello")).unwrap_err().to_string();
        assert!(odd.contains("hello"), "{odd}");
    }
}
