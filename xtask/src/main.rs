//! `cargo xtask`: sets a machine up, fetches weights and data, runs the default experiment and every test.
//!
//! It links no libtorch, no network stack and no fonts, so it builds in seconds and runs before libtorch is there. What
//! does the work is run when it is needed: `finetune`, and the tools of the rooms above the torch line (`tools`).
//! Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.
//!
//! - `setup`: libtorch into the user's cache, linked into the workspace
//! - `doctor`: what is there, what is missing, what mends it
//! - `test`: formatting, clippy and all tests
//! - `fetch_weights`, `fetch_data`: pretrained weights and example data sets, digests checked
//! - `cases`: the kinds of input that people bring, and what becomes of each
//! - `recipe`: the default experiment, letters of two alphabets
//! - `regret`: what following `finetune advise` costs against the best of a grid
//! - `bench`: how fast it is, beside PyTorch scripts that do the same work
//! - `tools`, `workspace`, `process`, `pip`, `disk`: what the commands share

mod bench;
mod cases;
mod disk;
mod doctor;
mod fetch_data;
mod fetch_weights;
mod pip;
mod process;
mod recipe;
mod regret;
mod setup;
mod test;
mod tools;
mod workspace;

use std::any::Any;
use std::panic;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};

use crate::process::{Interrupted, say};
use crate::workspace::Workspace;

/// Sets a machine up for this workspace, fetches what it needs and runs its experiment and tests.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    Setup(setup::Arguments),
    /// Say what is there, what is missing and the command that mends it
    Doctor,
    Test(test::Arguments),
    FetchWeights(fetch_weights::Arguments),
    FetchData(fetch_data::Arguments),
    Recipe(recipe::Arguments),
    /// Try the kinds of input that people bring, and print what finetune does with each
    Cases,
    Bench(bench::Arguments),
    Regret(regret::Arguments),
    #[command(hide = true)]
    Measure(bench::measure::Arguments),
}

fn main() -> ExitCode {
    let task = Arguments::parse().command;
    // Printing to a place that is closed or full panics: said in a sentence, not a backtrace.
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(|| perform(task));
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

/// What a panic says.
fn sentence(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    match text {
        Some(printing) if printing.starts_with("failed printing") => printing.to_owned(),
        other => format!("internal error: {}", other.unwrap_or("of an unknown kind")),
    }
}

fn perform(task: Task) -> anyhow::Result<ExitCode> {
    process::pass_interrupts_on()?;
    let workspace = Workspace::find()?;
    match task {
        Task::Setup(arguments) => setup::command(&workspace, &arguments)?,
        Task::Doctor => return Ok(doctor::command(&workspace)),
        Task::Test(arguments) => return test::command(&workspace, &arguments),
        Task::FetchWeights(arguments) => fetch_weights::command(&workspace, &arguments)?,
        Task::FetchData(arguments) => fetch_data::command(&workspace, &arguments)?,
        Task::Cases => return cases::command(&workspace),
        Task::Recipe(arguments) => recipe::command(&workspace, &arguments)?,
        Task::Regret(arguments) => regret::command(&workspace, &arguments)?,
        Task::Bench(arguments) => bench::command(&workspace, &arguments)?,
        Task::Measure(arguments) => return bench::measure::command(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}
