//! `cargo xtask cases`: the table of `tests/cli/cases.rs`, with what this program does now.

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

/// The command: exits with 1 if any kind goes wrong.
pub(crate) fn command(workspace: &Workspace) -> Result<ExitCode> {
    setup::ensure(workspace)?;
    let words =
        ["test", "--quiet", "--package", "finetune-core", "--test", "cli", "cases::", "--", "--nocapture"];
    let passed = process::status(&mut workspace.cargo(&words))?.success();
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
