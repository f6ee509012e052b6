//! The command line: what is asked for, Ctrl-C, and the exit code. Each command has a file of its own:
//! [`train`] (the default one), [`predict`], [`evaluate`], [`archs`], [`inspect`],
//! [`lr_find`], [`compare`], [`advise`], [`config`].

mod advise;
mod archs;
mod compare;
mod config;
mod evaluate;
mod inspect;
mod lr_find;
mod predict;
mod predictions;
mod source;
mod train;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use finetune_core::Error;
use finetune_core::grid::VaryError;
use finetune_core::model::ModelError;
use records::Outcome;
use run_config::ConfigError;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Arguments that do not go together, where clap cannot tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misused(&'static str);

/// Fine-tune an image classification network: load, freeze, head, train-head, fine-tune.
#[derive(Debug, Parser)]
#[command(
    name = "finetune",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (what was trained is kept)."
)]
struct Arguments {
    #[command(flatten)]
    train: Option<train::TrainArguments>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say how far back to fine-tune, before training, and show why.
    Advise(advise::AdviseArguments),
    /// Say what pictures show.
    Predict(predict::PredictArguments),
    /// Measure a model on a folder of pictures: accuracy, each class, who is taken for whom.
    Evaluate(evaluate::EvaluateArguments),
    /// List the networks there are, or draw the stages of one.
    Archs(archs::ArchsArguments),
    /// Train one run under several settings and seeds, and say which helped.
    Compare(compare::CompareArguments),
    /// Show a configuration with every default, the JSON Schema for editors, or the reference of all keys.
    Config(config::ConfigArguments),
    /// Find a learning rate for a run: one step at each of a rising series of rates.
    LrFind(lr_find::LrFindArguments),
    /// Say what a checkpoint file holds, and which network it fits.
    Inspect(inspect::InspectArguments),
}

/// Runs the program and turns what happened into an exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,usvg=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().init();
    // libtorch's errors, an exhausted memory among them, come as panics out of tch: said in a sentence, not a backtrace.
    panic::set_hook(Box::new(|_| {}));
    match panic::catch_unwind(|| perform(&arguments)) {
        Ok(Ok(Outcome::Finished)) => ExitCode::SUCCESS,
        Ok(Ok(Outcome::Interrupted)) => ExitCode::from(INTERRUPTED),
        Ok(Err(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(payload) => fail(&anyhow::anyhow!(sentence(payload.as_ref()))),
    }
}

fn perform(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let told = match (&arguments.command, &arguments.train) {
        (Some(Command::Predict(arguments)), _) => predict::perform(arguments),
        (Some(Command::Evaluate(arguments)), _) => evaluate::perform(arguments),
        (Some(Command::Archs(arguments)), _) => archs::perform(arguments),
        (Some(Command::Advise(arguments)), _) => advise::perform(arguments),
        (Some(Command::Config(arguments)), _) => config::perform(arguments),
        (Some(Command::LrFind(arguments)), _) => lr_find::perform(arguments),
        (Some(Command::Inspect(arguments)), _) => inspect::perform(arguments),
        (Some(Command::Compare(arguments)), _) => return compare::perform(arguments),
        (None, Some(arguments)) => return train::perform(arguments),
        (None, None) => return Err(Misused("--config FILE or a command is needed; see --help").into()),
    };
    told.map(|()| Outcome::Finished)
}

/// Prints what a configuration could say better.
fn print_hints(source: &run_config::Source) {
    for hint in source.hints() {
        let _ = writeln!(io::stderr(), "warning: {hint}");
    }
}

/// Whether standard output was closed by whoever read it, `head` for one: they have what they wanted.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Most messages quote their cause already.
    let said = error
        .chain()
        .map(ToString::to_string)
        .reduce(|said, cause| if said.contains(&cause) { said } else { format!("{said}: {cause}") });
    let _ = writeln!(io::stderr(), "finetune: {}", said.unwrap_or_default());
    match error.downcast_ref::<Error>() {
        Some(Error::Config(_) | Error::Model(ModelError::UnknownNetwork(_))) => ExitCode::from(USAGE),
        Some(Error::Interrupted) => ExitCode::from(INTERRUPTED),
        None if error.is::<ConfigError>() || error.is::<VaryError>() || error.is::<Misused>() => {
            ExitCode::from(USAGE)
        }
        _ => ExitCode::from(FAILED),
    }
}

/// The first line of a panic's message.
fn sentence(payload: &(dyn std::any::Any + Send)) -> String {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("an internal error");
    let first = message.split("\\n").next().unwrap_or(message).lines().next().unwrap_or(message);
    if message.contains("out of memory") || message.contains("can't allocate memory") {
        format!("the memory does not suffice; a smaller train.batch_size needs less ({first})")
    } else {
        format!("internal error: {first}")
    }
}
