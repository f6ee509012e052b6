//! The command line: arguments, errors and exit codes. Each command has a file of its own: [`train`] (the default one),
//! [`compare`], [`advise`], [`search`], [`audit`], [`lr_find`], [`config`], [`completions`], [`doctor`]; they share [`arguments`] (of a configuration) and
//! [`joined`] (further processes). Those on models that are there are in the crate `model-commands`,
//! those that fetch in `machine-commands`.

mod advise;
mod arguments;
mod audit;
mod compare;
mod completions;
mod config;
mod doctor;
mod joined;
mod lr_find;
mod options;
mod resume;
mod resumed;
mod run;
mod search;
mod team;
mod train;
mod typed;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use finetune_core::Error;
use finetune_core::compare::{CompareError, VaryError};
use machine_commands::process::{self, Interrupted};
use machine_commands::{Caller, fetch_data, fetch_weights};
use model_commands::{archs, embed, evaluate, export, inspect, predict, serve};
use records::Outcome;
use run_config::ConfigError;
use trained_model::model::ModelError;
use zoo::UnknownNetwork;

use self::options::TrainArguments;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Arguments that contradict each other in a way that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(&'static str);

/// Fine-tune an image classification network: load, freeze, head, train-head, fine-tune.
#[derive(Debug, Parser)]
#[command(
    name = "finetune",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 130 interrupted (what was trained is kept, and --resume goes on)."
)]
struct Arguments {
    #[command(flatten)]
    config: Option<arguments::ConfigArguments>,
    #[command(flatten)]
    train: options::TrainOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Recommend how far back to fine-tune, before training, with the evidence
    Advise(advise::AdviseArguments),
    /// Show what is wrong with the data: broken files, copies, likely wrong labels, leaks
    Audit(audit::AuditArguments),
    /// Classify images
    Predict(predict::PredictArguments),
    /// Measure a model on a labelled folder: accuracy, per-class table, confusion matrix
    Evaluate(evaluate::EvaluateArguments),
    /// Write the features of images to a file: .npy, .safetensors or .csv
    Embed(embed::EmbedArguments),
    /// Write a trained model as an ONNX file that other programs run, with a script that does
    Export(export::ExportArguments),
    /// Show a model on a page on this machine: drop an image, see the answer and what speaks for it
    Serve(serve::ServeArguments),
    /// List all networks, or the stages of one
    Archs(archs::ArchsArguments),
    /// Train a run under several settings and seeds, and report which helped
    Compare(compare::CompareArguments),
    /// Show a configuration with every default, the JSON Schema for editors, or the reference of all keys
    Config(config::PrintArguments),
    /// Find out which way to train is best, by a race on folds of the training images
    Search(search::SearchArguments),
    /// Find a learning rate for a run: one step at each of a rising series
    LrFind(lr_find::LrFindArguments),
    /// Show what a checkpoint file holds, and which network it fits
    Inspect(inspect::InspectArguments),
    FetchWeights(fetch_weights::Arguments),
    FetchData(fetch_data::Arguments),
    /// Check the machine: what is there, what is missing, and the command that mends it
    Doctor,
    /// Print completions for a shell, or the manual page
    Completions(completions::CompletionsArguments),
}

pub(crate) use team::see_own_gpu;

/// Runs the program and returns its exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| typed::with_hint(error).exit());
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,usvg=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().init();
    // tch panics on libtorch's errors, out of memory among them: reported in a sentence, without a backtrace.
    panic::set_hook(Box::new(|_| {}));
    match panic::catch_unwind(|| perform(&arguments)) {
        Ok(Ok(Outcome::Finished)) => ExitCode::SUCCESS,
        Ok(Ok(Outcome::Interrupted)) => ExitCode::from(INTERRUPTED),
        Ok(Err(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error),
        Err(payload) => fail(&of_panic(payload.as_ref())),
    }
}

fn perform(arguments: &Arguments) -> anyhow::Result<Outcome> {
    if arguments.command.is_some() {
        team::refuse_several()?;
    }
    let done = match (&arguments.command, &arguments.config) {
        (Some(Command::Predict(arguments)), _) => predict::perform(arguments),
        (Some(Command::Evaluate(arguments)), _) => evaluate::perform(arguments),
        (Some(Command::Embed(arguments)), _) => embed::perform(arguments),
        (Some(Command::Completions(arguments)), _) => completions::perform(arguments, Arguments::command()),
        (Some(Command::Export(arguments)), _) => export::perform(arguments),
        (Some(Command::Serve(arguments)), _) => serve::perform(arguments),
        (Some(Command::Archs(arguments)), _) => archs::perform(arguments),
        (Some(Command::Advise(arguments)), _) => advise::perform(arguments),
        (Some(Command::Audit(arguments)), _) => audit::perform(arguments),
        (Some(Command::Config(arguments)), _) => config::perform(arguments),
        (Some(Command::Search(arguments)), _) => search::perform(arguments),
        (Some(Command::LrFind(arguments)), _) => lr_find::perform(arguments),
        (Some(Command::Inspect(arguments)), _) => inspect::perform(arguments),
        (Some(Command::FetchWeights(arguments)), _) => {
            fetching(|caller| fetch_weights::perform(caller, arguments))
        }
        (Some(Command::FetchData(arguments)), _) => fetching(|caller| fetch_data::perform(caller, arguments)),
        (Some(Command::Doctor), _) => doctor::perform(),
        (Some(Command::Compare(arguments)), _) => return compare::perform(arguments),
        (None, Some(config)) => {
            return train::perform(TrainArguments { config, options: &arguments.train });
        }
        (None, None) if arguments.train.names_folder() => {
            let config = &arguments::ConfigArguments::default();
            return train::perform(TrainArguments { config, options: &arguments.train });
        }
        (None, None) => return Err(UsageError("--config <FILE> or a command is needed; see --help").into()),
    };
    done.map(|()| Outcome::Finished)
}

/// Runs a command that fetches: Ctrl-C goes to the downloader, which keeps what it has.
fn fetching(perform: impl FnOnce(&Caller<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    process::pass_interrupts_on()?;
    perform(&Caller::finetune())
}

/// Prints hints about a configuration on stderr: keys in an old form.
fn print_hints(source: &run_config::Source) {
    for hint in source.hints() {
        let _ = writeln!(io::stderr(), "warning: {hint}");
    }
}

/// Whether the reader of stdout, `head` for one, closed it: it has what it wanted.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "finetune: {}", message(error));
    ExitCode::from(exit_code(error))
}

/// An error with its causes. Most messages quote their cause already.
fn message(error: &anyhow::Error) -> String {
    let message = error.chain().map(ToString::to_string).reduce(|message, cause| {
        if message.contains(&cause) { message } else { format!("{message}: {cause}") }
    });
    message.unwrap_or_default()
}

/// The error of a panic.
fn of_panic(payload: &(dyn std::any::Any + Send)) -> anyhow::Error {
    anyhow::anyhow!(sentence(payload))
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let of_run = match error.downcast_ref() {
        Some(CompareError::Run(error)) => Some(error),
        _ => error.downcast_ref::<Error>(),
    };
    let is_unknown_network = matches!(error.downcast_ref(), Some(ModelError::UnknownNetwork(_)));
    if let Some(::team::Error::Environment(_)) = error.downcast_ref() {
        return USAGE;
    }
    let is_usage = error.is::<ConfigError>()
        || error.is::<VaryError>()
        || error.is::<UsageError>()
        || error.is::<UnknownNetwork>()
        || is_unknown_network;
    match of_run {
        _ if error.is::<Interrupted>() => INTERRUPTED,
        Some(Error::Config(_)) => USAGE,
        Some(Error::Interrupted | Error::SearchInterrupted { .. }) => INTERRUPTED,
        _ if is_usage => USAGE,
        _ => FAILED,
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
        format!("out of memory; try a smaller train.batch_size ({first})")
    } else {
        format!("internal error: {first}")
    }
}
