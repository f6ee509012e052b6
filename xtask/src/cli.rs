//! The command line of `cargo xtask`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use machine_commands::{fetch_data, fetch_weights};

use crate::workspace::Workspace;
use crate::{bundle, caller, cases, doctor, experiments, program, recipe, setup, test};

/// Set up this workspace, fetch weights and images, run the example experiment and the tests
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    Setup(setup::Arguments),
    /// Check the set-up: list what is there, what is missing, and the command that mends it
    Doctor,
    Test(test::Arguments),
    FetchWeights(fetch_weights::Arguments),
    FetchData(fetch_data::Arguments),
    Bundle(bundle::Arguments),
    Recipe(recipe::Arguments),
    /// Run finetune on many kinds of input and print its result for each
    Cases,
    /// Measure speed and memory: `cargo run -p experiments -- bench`
    #[command(disable_help_flag = true)]
    Bench(experiments::Arguments),
    /// Measure what the search is worth: `cargo run -p experiments -- search`
    #[command(disable_help_flag = true, alias = "regret")]
    Search(experiments::Arguments),
}

/// Reads the command line and does what it asks for.
pub fn main() -> ExitCode {
    let task = Arguments::parse().command;
    program::run(|workspace| perform(workspace, task))
}

fn perform(workspace: &Workspace, task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Setup(arguments) => setup::command(workspace, &arguments)?,
        Task::Doctor => return Ok(doctor::command(workspace)),
        Task::Test(arguments) => return test::command(workspace, &arguments),
        Task::FetchWeights(arguments) => caller::fetch_weights(workspace, &arguments)?,
        Task::FetchData(arguments) => caller::fetch_data(workspace, &arguments)?,
        Task::Bundle(arguments) => bundle::command(workspace, &arguments)?,
        Task::Recipe(arguments) => recipe::command(workspace, &arguments)?,
        Task::Cases => return cases::command(workspace),
        Task::Bench(arguments) => return experiments::command(workspace, "bench", &arguments),
        Task::Search(arguments) => return experiments::command(workspace, "search", &arguments),
    }
    Ok(ExitCode::SUCCESS)
}
