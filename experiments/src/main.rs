//! What measures the project itself, by spawning `finetune`: `cargo run -p experiments -- bench` or `... search`.
//!
//! - `bench`: how fast it is, in small pieces, or whole jobs next to PyTorch scripts (`peers/`) that do the same work
//! - `search`: what the search is worth on real data sets, against constants, other programs' recipes and cross-validation
//! - `fit-search`: prior and calibration map of the search, fitted on finished cells
//! - `spread`: median, least and greatest of a few figures
//!
//! Set-up does not build it. Results go to stdout, progress and messages to stderr; exit codes as of `cargo xtask`.

mod bench;
mod fit_search;
mod search;
mod spread;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::program;

/// Measure this project: its speed, and what its search is worth
#[derive(Parser)]
#[command(name = "experiments")]
struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    Bench(bench::Arguments),
    Search(search::Arguments),
    FitSearch(fit_search::Arguments),
    #[command(hide = true)]
    Measure(bench::measure::Arguments),
}

fn main() -> ExitCode {
    let experiment = Arguments::parse().experiment;
    program::run(|workspace| {
        match experiment {
            Experiment::Bench(arguments) => bench::command(workspace, &arguments)?,
            Experiment::Search(arguments) => search::command(workspace, &arguments)?,
            Experiment::FitSearch(arguments) => fit_search::command(workspace, &arguments)?,
            Experiment::Measure(arguments) => return bench::measure::command(&arguments),
        }
        Ok(ExitCode::SUCCESS)
    })
}
