//! How a program of ours begins and ends.

use std::any::Any;
use std::panic;
use std::process::ExitCode;

use anyhow::anyhow;

use crate::process::{self, Interrupted, say};
use crate::workspace::Workspace;

/// Runs `perform` in this workspace, with Ctrl-C handed on to children; returns its exit code, 1 after an error, which is
/// printed to stderr, and 130 after Ctrl-C.
pub fn run(perform: impl FnOnce(&Workspace) -> anyhow::Result<ExitCode> + panic::UnwindSafe) -> ExitCode {
    // Printing to a place that is closed or full panics: a sentence is printed, not a backtrace.
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(|| {
        process::pass_interrupts_on()?;
        perform(&Workspace::find()?)
    });
    match done.unwrap_or_else(|payload| Err(anyhow!(sentence(payload.as_ref())))) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            say("interrupted");
            ExitCode::from(process::INTERRUPTED)
        }
        Err(error) => {
            let red = anstyle::AnsiColor::Red.on_default().bold();
            say(format!("{red}error:{red:#} {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The message of a panic.
fn sentence(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    match text {
        Some(printing) if printing.starts_with("failed printing") => printing.to_owned(),
        other => format!("internal error: {}", other.unwrap_or("of an unknown kind")),
    }
}
