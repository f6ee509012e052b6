//! What measures the project itself, by spawning `finetune`: `cargo run -p experiments -- bench` or `... regret`.
//!
//! - `bench`: how fast it is, in small pieces, or whole jobs next to PyTorch scripts (`peers/`) that do the same work
//! - `fit-search`: prior and calibration map of the search, fitted on finished cells
//! - `regret`: what following `finetune advise` costs against the best depth of a comparison
//! - `spread`: median, least and greatest of a few figures
//!
//! Set-up does not build it. Results go to stdout, progress and messages to stderr; exit codes as of `cargo xtask`.

mod bench;
mod fit_search;
mod regret;
mod spread;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::program;

/// Measure this project: its speed, and the regret of its advice
#[derive(Parser)]
#[command(name = "experiments")]
struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Subcommand)]
enum Experiment {
    Bench(bench::Arguments),
    Regret(regret::Arguments),
    FitSearch(fit_search::Arguments),
    #[command(hide = true)]
    Measure(bench::measure::Arguments),
}

fn main() -> ExitCode {
    let experiment = Arguments::parse().experiment;
    program::run(|workspace| {
        match experiment {
            Experiment::Bench(arguments) => bench::command(workspace, &arguments)?,
            Experiment::FitSearch(arguments) => fit_search::command(workspace, &arguments)?,
            Experiment::Regret(arguments) => regret::command(workspace, &arguments)?,
            Experiment::Measure(arguments) => return bench::measure::command(&arguments),
        }
        Ok(ExitCode::SUCCESS)
    })
}
