//! The tools of this workspace that xtask runs rather than links: its own build is quick because theirs waits until
//! they are needed. What they answer, and how, is `machine_commands::tool`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::process::say;
use crate::workspace::Workspace;

use machine_commands::tool::{DOWNLOADER, DOWNLOADER_VARIABLE};
pub use machine_commands::tool::{Fetched, Route, Tool, files, unpack};

/// Has `cargo build` report the paths of binaries.
pub(crate) const MESSAGES: &str = "--message-format=json-render-diagnostics";

/// What is known of a tool before it is built.
#[derive(Debug)]
pub struct Kind {
    /// What it is, for people.
    pub what: &'static str,
    /// The name of its binary, example or bench.
    pub binary: &'static str,
    /// Arguments with which cargo builds it.
    pub build: &'static [&'static str],
    /// An environment variable that names a ready-built one, for tests and for machines that cannot build it.
    pub variable: &'static str,
}

pub(crate) const FETCH: Kind = Kind {
    what: "the downloader",
    binary: DOWNLOADER,
    build: &["--package", "pretrained", "--features", "fetch", "--bin", DOWNLOADER],
    variable: DOWNLOADER_VARIABLE,
};

const LETTERS: Kind = Kind {
    what: "the tool that draws letters",
    binary: "glyphs",
    build: &["--package", "glyphs", "--bin", "glyphs"],
    variable: "FINETUNE_GLYPHS",
};

pub(crate) const FINETUNE: Kind = Kind {
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

/// `finetune` itself.
///
/// # Errors
/// As [`downloader`].
pub fn finetune(workspace: &Workspace) -> Result<Tool> {
    built(workspace, &FINETUNE)
}

/// The example `differential` of the room `image-file`: damages image files and reads them.
///
/// # Errors
/// As [`downloader`].
pub fn damaged_images(workspace: &Workspace) -> Result<Tool> {
    built(workspace, &DAMAGED_IMAGES)
}

/// `finetune-fetch` of the room `pretrained`: brings weights and files, unpacks archives.
///
/// # Errors
/// It cannot be built; then cargo has printed why.
pub fn downloader(workspace: &Workspace) -> Result<Tool> {
    built(workspace, &FETCH)
}

/// `glyphs`: draws letters.
///
/// # Errors
/// As [`downloader`].
pub fn letters(workspace: &Workspace) -> Result<Tool> {
    built(workspace, &LETTERS)
}

/// Has cargo build it, unless it is up to date.
///
/// # Errors
/// As [`downloader`].
pub fn built(workspace: &Workspace, kind: &Kind) -> Result<Tool> {
    if let Some(program) = std::env::var_os(kind.variable) {
        return Ok(Tool::at(program.into()));
    }
    let mut command = workspace.cargo(&["build", MESSAGES]);
    command.args(kind.build);
    let is_there = std::env::current_exe().is_ok_and(|xtask| xtask.with_file_name(kind.binary).exists());
    if is_there {
        command.arg("--quiet");
    } else {
        say(format!("Building {}; this is done once.", kind.what));
    }
    run_build(&mut command, kind).map(Tool::at)
}

/// Runs `cargo build` with messages in JSON; returns the path of the binary.
pub(crate) fn run_build(command: &mut Command, kind: &Kind) -> Result<PathBuf> {
    let output = process::captured(command)?;
    if !output.status.success() {
        bail!("{} cannot be built ({}): the reason is above", kind.what, output.status);
    }
    program_in(&output.stdout, kind.binary)
        .with_context(|| format!("cargo does not report the path of `{}`", kind.binary))
}

/// Path of the binary in cargo's messages. The file of a bench has a digest behind its name.
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
            message("finetune-fetch", r#""/t/debug/finetune-fetch""#),
            message("pictures", r#""/t/debug/deps/pictures-0123""#),
            r#"{"reason": "build-finished", "success": true}"#.to_owned(),
        ];
        let messages = &messages.join("\n");
        assert_eq!(program_in(messages, "finetune-fetch"), Some(PathBuf::from("/t/debug/finetune-fetch")));
        assert_eq!(program_in(messages, "pictures"), Some(PathBuf::from("/t/debug/deps/pictures-0123")));
        assert_eq!(program_in(messages, "glyphs"), None);
    }
}
