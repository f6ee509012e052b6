//! Arguments and output that the commands on a configuration share: `train`, `compare`, `advise`, `lr-find`, `config`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use finetune_core::Error;
use run_config::{Config, Run};
use run_folder::{FolderError, RunFolder};
use serde::Serialize;

use super::print_hints;

#[derive(Debug, Default, clap::Args)]
pub(super) struct ConfigArguments {
    /// Configuration of the run (TOML); dogs_cats.toml is one to copy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Override a key of the configuration: --set train.epochs=3
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// New folder for the results; by default below runs/, named after the run and numbered if taken
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as one JSON object, the last line of stdout
    #[arg(long)]
    pub(super) json: bool,
}

/// Reads a configuration with these overrides, changes it further and resolves it. Keys in an old form are reported on stderr.
pub(super) fn run_of<E: From<Error>>(
    path: &Path,
    overrides: &[String],
    change: impl FnOnce(&mut Config) -> Result<(), E>,
) -> Result<Run, E> {
    let (mut config, source) = run_config::read(path, overrides).map_err(Error::from)?;
    print_hints(&source);
    change(&mut config)?;
    Ok(run_config::resolve(config, source).map_err(Error::from)?)
}

impl ConfigArguments {
    /// Whether a configuration is named.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some()
    }

    /// Returns the overrides of `--set`.
    pub(super) fn overrides(&self) -> &[String] {
        &self.overrides
    }

    /// Returns the folder that `--out` names.
    pub(super) fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// Reads the configuration and resolves it.
    pub(super) fn run(&self) -> Result<Run, Error> {
        self.changed_run(|_| Ok::<_, Error>(()))
    }

    /// Reads the configuration, changes it and resolves it.
    pub(super) fn changed_run<E: From<Error>>(
        &self,
        change: impl FnOnce(&mut Config) -> Result<(), E>,
    ) -> Result<Run, E> {
        // Where none is named, clap or the command has said so already.
        run_of(self.config.as_deref().unwrap_or(Path::new("")), &self.overrides, change)
    }

    /// Creates the folder of `--out`, else `runs/NAME` or the first free number of it.
    pub(super) fn new_folder(&self, name: &str) -> Result<RunFolder, FolderError> {
        match &self.out {
            Some(path) => RunFolder::at(path),
            None => RunFolder::numbered(Path::new("runs"), name),
        }
    }
}

/// What is printed on stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Text,
    Json,
    TextThenJson,
}

/// Prints the results of a command: the text, with the path of its report, and the record as one line of JSON.
pub(super) fn print_report(
    output: Output,
    text: &str,
    record: &impl Serialize,
    folder: &RunFolder,
) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut out = io::stdout().lock();
        if output != Output::Json {
            writeln!(out, "{text}\nreport  {}", folder.file("report.html").display())?;
        }
        if output != Output::Text {
            serde_json::to_writer(&mut out, record)?;
            writeln!(out)?;
        }
        out.flush()
    };
    write().with_context(|| format!("cannot print the results; they are in {}", folder.path().display()))
}
