//! Options of the commands that train, and what they print.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use run_folder::RunFolder;
use serde::Serialize;

use super::arguments::{ConfigArguments, Output, print_report};
use super::resume::ResumeOptions;

#[derive(Debug, clap::Args)]
pub(super) struct TrainOptions {
    #[command(flatten)]
    pub(super) resume: ResumeOptions,
    /// Resume a run although bits of its result will differ: another program, libtorch, processor, number of threads
    #[arg(long)]
    inexact: bool,
    /// Train in N processes on this machine; the result is that of one
    #[arg(long, value_name = "N", conflicts_with = "join")]
    pub(super) processes: Option<NonZeroUsize>,
    /// Start the processes of --processes again if one fails or is killed, at most N times: they go on from the last state
    #[arg(long, value_name = "N", requires = "processes", default_value_t = 0)]
    pub(super) max_restarts: u32,
    /// Take part in the comparison that another process carries out in DIR, from this machine or another one that shares the
    /// folder
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(super) join: Option<PathBuf>,
}

impl TrainOptions {
    /// Whether a folder is named that knows its configuration.
    pub(super) fn names_folder(&self) -> bool {
        self.resume.names_folder() || self.join.is_some()
    }

    /// Whether a run goes on although bits of its result will differ.
    pub(super) fn is_inexact(&self) -> bool {
        self.inexact
    }
}

/// Arguments of a command that trains.
#[derive(Clone, Copy)]
pub(super) struct TrainArguments<'a> {
    pub(super) config: &'a ConfigArguments,
    pub(super) options: &'a TrainOptions,
}

/// Prints the summary as text; with `--json` also as JSON, in the last line.
pub(super) fn print_summary(
    text: &str,
    folder: &RunFolder,
    record: &impl Serialize,
    arguments: TrainArguments<'_>,
) -> anyhow::Result<()> {
    let output = if arguments.config.json { Output::TextThenJson } else { Output::Text };
    print_report(output, &format!("{}\n", text.trim_end()), record, folder)
}
