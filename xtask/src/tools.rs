//! The tools of this workspace that xtask runs rather than links: its own build is quick because theirs waits until
//! they are needed.
//!
//! A tool takes arguments, shows its progress on stderr and answers with one JSON object a line on stdout. An object
//! with nothing but `error` says what failed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, anyhow, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::process;
use crate::process::say;
use crate::workspace::Workspace;

/// A tool that is built.
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
}

/// What is known of a tool before it is built.
#[derive(Debug)]
pub struct Kind {
    /// What it is, for people.
    pub what: &'static str,
    /// The name of its binary, example or bench.
    pub binary: &'static str,
    /// What tells cargo to build it.
    pub build: &'static [&'static str],
    /// An environment variable that names a ready-built one, for tests and for machines that cannot build it.
    pub variable: &'static str,
}

const DOWNLOADER: Kind = Kind {
    what: "the downloader",
    binary: "fetch",
    build: &["--package", "pretrained", "--features", "fetch", "--bin", "fetch"],
    variable: "FINETUNE_FETCH",
};

const LETTERS: Kind = Kind {
    what: "the tool that draws letters",
    binary: "glyphs",
    build: &["--package", "glyphs", "--bin", "glyphs"],
    variable: "FINETUNE_GLYPHS",
};

const FINETUNE: Kind = Kind {
    what: "finetune",
    binary: "finetune",
    build: &["--package", "finetune-core", "--bin", "finetune"],
    variable: "FINETUNE",
};

const DAMAGED_IMAGES: Kind = Kind {
    what: "the tool that damages images",
    binary: "differential",
    build: &["--package", "image-file", "--example", "differential"],
    variable: "FINETUNE_DIFFERENTIAL",
};

impl Tool {
    /// `finetune` itself.
    ///
    /// # Errors
    /// As [`Tool::downloader`].
    pub fn finetune(workspace: &Workspace) -> Result<Self> {
        Self::built(workspace, &FINETUNE)
    }

    /// The example `differential` of the room `image-file`: damages image files and reads them.
    ///
    /// # Errors
    /// As [`Tool::downloader`].
    pub fn damaged_images(workspace: &Workspace) -> Result<Self> {
        Self::built(workspace, &DAMAGED_IMAGES)
    }

    /// Where it lies.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// `fetch` of the room `pretrained`: brings weights and files, unpacks archives.
    ///
    /// # Errors
    /// It cannot be built; then cargo has said why.
    pub fn downloader(workspace: &Workspace) -> Result<Self> {
        Self::built(workspace, &DOWNLOADER)
    }

    /// `glyphs`: draws letters.
    ///
    /// # Errors
    /// As [`Tool::downloader`].
    pub fn letters(workspace: &Workspace) -> Result<Self> {
        Self::built(workspace, &LETTERS)
    }

    /// Has cargo build it, unless it is up to date.
    ///
    /// # Errors
    /// As [`Tool::downloader`].
    pub fn built(workspace: &Workspace, kind: &Kind) -> Result<Self> {
        if let Some(program) = std::env::var_os(kind.variable) {
            return Ok(Self { program: program.into() });
        }
        let mut command = workspace.cargo(&["build", "--message-format", "json-render-diagnostics"]);
        command.args(kind.build);
        let is_there = std::env::current_exe().is_ok_and(|xtask| xtask.with_file_name(kind.binary).exists());
        if is_there {
            command.arg("--quiet");
        } else {
            say(format!("Building {}; this is done once.", kind.what));
        }
        let output = process::captured(&mut command)?;
        if !output.status.success() {
            bail!("{} cannot be built ({}): cargo says why above", kind.what, output.status);
        }
        let program = program_in(&output.stdout, kind.binary)
            .with_context(|| format!("cargo does not say where it has put `{}`", kind.binary))?;
        Ok(Self { program })
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
    /// Ctrl-C; the tool cannot be run, or fails without an answer that says why.
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

/// Where cargo's messages say that the binary lies. The file of a bench has a digest behind its name.
fn program_in(messages: &str, binary: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Target,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let message = |line| serde_json::from_str::<Message>(line).ok();
    let of_binary = messages.lines().filter_map(message).filter(|message| message.target.name == binary);
    of_binary.filter_map(|message| message.executable).next_back()
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

    #[test]
    fn the_binary_is_found_in_cargos_messages() {
        let message = |name: &str, executable: &str| {
            format!(
                r#"{{"reason": "compiler-artifact", "target": {{"name": "{name}"}}, "executable": {executable}}}"#
            )
        };
        let messages = [
            message("images", "null"),
            message("build-script-build", r#""/t/debug/build/x/build-script""#),
            message("fetch", r#""/t/debug/fetch""#),
            message("pictures", r#""/t/debug/deps/pictures-0123""#),
            r#"{"reason": "build-finished", "success": true}"#.to_owned(),
        ];
        let messages = &messages.join("\n");
        assert_eq!(program_in(messages, "fetch"), Some(PathBuf::from("/t/debug/fetch")));
        assert_eq!(program_in(messages, "pictures"), Some(PathBuf::from("/t/debug/deps/pictures-0123")));
        assert_eq!(program_in(messages, "glyphs"), None);
    }
}
