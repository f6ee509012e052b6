//! `cargo xtask bench` and `cargo xtask search`: short for `cargo run -p experiments -- ...`, so that set-up builds none of it.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::process;
use crate::tools::{self, Kind};
use crate::workspace::Workspace;

const EXPERIMENTS: Kind = Kind {
    what: "the experiments",
    binary: "experiments",
    build: &["--package", "experiments"],
    variable: "FINETUNE_EXPERIMENTS",
};

/// What is handed on.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments of that command; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<OsString>,
}

/// Builds the experiments and runs one; its exit code becomes ours.
pub(crate) fn command(workspace: &Workspace, name: &str, arguments: &Arguments) -> Result<ExitCode> {
    let experiments = tools::built(workspace, &EXPERIMENTS)?;
    let mut command = Command::new(experiments.program());
    let status = process::quiet_status(command.arg(name).args(&arguments.rest))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
