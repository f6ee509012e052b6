//! The command line.

use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use anyhow::Context;
use clap::Parser;
use finetune_core::config;
use finetune_core::event::Event;
use finetune_core::grid::Helpers;
use finetune_core::interrupt::Interrupt;
use finetune_core::run::{self, Run};
use finetune_core::run_folder::{Metrics, RunFolder};
use finetune_core::{Error, grid, model_file, recipe};
use report::record::Outcome;
use serde::Serialize;

use crate::progress::Progress;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Fine-tune an image classification network: load, freeze, head, train-head, fine-tune.
#[derive(Debug, Parser)]
#[command(
    name = "finetune",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (what was trained is kept)."
)]
struct Arguments {
    #[command(flatten)]
    train: TrainArguments,
}

#[derive(Debug, clap::Args)]
struct TrainArguments {
    /// The run's configuration (TOML); dogs_cats.toml is one to copy.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Overrides a key of the configuration: --set train.epochs=3
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the results go; a new folder. Without it: runs/NAME, numbered if that is taken.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the summary as JSON, as the last line of stdout.
    #[arg(long)]
    json: bool,
    /// Take part in the comparison that another process carries out in DIR.
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "out")]
    join: Option<PathBuf>,
}

/// Runs the program and turns what happened into an exit code.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().init();
    let interrupt = match listen_for_ctrl_c() {
        Ok(interrupt) => interrupt,
        Err(error) => return fail(&error),
    };
    // libtorch's errors, an exhausted memory among them, come as panics out of tch: said in a sentence, not a backtrace.
    panic::set_hook(Box::new(|_| {}));
    match panic::catch_unwind(|| train(&arguments.train, &interrupt)) {
        Ok(Ok(Outcome::Finished)) => ExitCode::SUCCESS,
        Ok(Ok(Outcome::Interrupted)) => ExitCode::from(INTERRUPTED),
        Ok(Err(error)) => fail(&error),
        Err(payload) => fail(&anyhow::anyhow!(sentence(payload.as_ref()))),
    }
}

fn train(arguments: &TrainArguments, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
    let (config, source) = config::read(&arguments.config, &arguments.overrides).map_err(Error::from)?;
    let run = run::resolve(config, source)?;
    if let Some(folder) = &arguments.join {
        return join(&run, folder, interrupt);
    }
    let folder = match &arguments.out {
        Some(path) => RunFolder::at(path)?,
        None => RunFolder::numbered(Path::new("runs"), &run.name)?,
    };
    let outcome = match &run.config.compare {
        Some(compare) => compare_runs(&run, compare, &folder, arguments, interrupt),
        None => one_run(&run, &folder, arguments, interrupt),
    };
    if outcome.is_err() {
        // A place where nothing came to be should not look like a run.
        if std::fs::metadata(folder.file("metrics.jsonl")).is_ok_and(|metrics| metrics.len() == 0) {
            let _ = std::fs::remove_file(folder.file("metrics.jsonl"));
            let _ = std::fs::remove_file(folder.file("config.toml"));
        }
        let _ = std::fs::remove_dir(folder.path());
    }
    outcome
}

fn one_run(
    run: &Run,
    folder: &RunFolder,
    arguments: &TrainArguments,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let materials = recipe::gather(run, interrupt, &mut |event| progress.listen(event))?;
    let config = folder.write_config(&run.config)?;
    let mut metrics = Metrics::create(folder)?;
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        metrics.listen(event);
    };
    let finished = recipe::perform(run, &materials, Some(folder), interrupt, &mut listen)?;
    let mut record = finished.record;
    record.config = config;
    let description = recipe::description(&materials, &materials.pictures);
    let sha256 = model_file::save(&finished.backbone, &description, &folder.file("model.safetensors"))?;
    record.digests.insert("model.safetensors".to_owned(), sha256);
    metrics.finish()?;
    folder.write_run(&record)?;
    print(&report::text::run_summary(&record), folder, &record, arguments)?;
    Ok(record.outcome)
}

fn compare_runs(
    run: &Run,
    compare: &config::CompareConfig,
    folder: &RunFolder,
    arguments: &TrainArguments,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut metrics = Metrics::create(folder)?;
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        if let Event::Cell { .. } = event {
            metrics.listen(event);
        }
    };
    let helpers = Helpers::new(run.jobs(compare) - 1, &helper);
    let (record, outcome) = grid::perform(run, compare, folder, helpers, interrupt, &mut listen)?;
    metrics.finish()?;
    print(&report::text::grid_table(&record), folder, &record, arguments)?;
    Ok(outcome)
}

/// This program, to help with the comparison in a folder. It is silent: what fails there is done again here.
fn helper(folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("finetune"));
    let mut command = Command::new(program);
    command.arg("--config").arg(folder.join("config.toml")).arg("--join").arg(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What a helper does. It stops when its stdin ends, for then nobody waits for it any more.
fn join(run: &Run, folder: &Path, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
    let compare = run.config.compare.as_ref().context("the configuration compares nothing")?;
    let abandoned = interrupt.clone();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        abandoned.request();
    });
    grid::join(run, compare, &RunFolder::of_another(folder), interrupt)?;
    Ok(Outcome::Finished)
}

/// The summary for a person; with `--json` the one for a program after it.
fn print(
    text: &str,
    folder: &RunFolder,
    record: &impl Serialize,
    arguments: &TrainArguments,
) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}\n\nreport  {}", text.trim_end(), folder.file("report.html").display())?;
        if arguments.json {
            serde_json::to_writer(&mut out, record)?;
            writeln!(out)?;
        }
        out.flush()
    };
    write().with_context(|| format!("cannot print the summary; it is in {}", folder.path().display()))
}

fn listen_for_ctrl_c() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let asked = interrupt.clone();
    ctrlc::set_handler(move || {
        if asked.request() {
            std::process::exit(i32::from(INTERRUPTED)); // asked twice: at once
        }
        let _ = writeln!(
            io::stderr(),
            "\nstopping after this step; what was trained is kept (again to stop at once)"
        );
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(interrupt)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Most messages quote their cause already.
    let said = error
        .chain()
        .map(ToString::to_string)
        .reduce(|said, cause| if said.contains(&cause) { said } else { format!("{said}: {cause}") });
    let _ = writeln!(io::stderr(), "finetune: {}", said.unwrap_or_default());
    match error.downcast_ref::<Error>() {
        Some(Error::Config(_)) => ExitCode::from(USAGE),
        Some(Error::Interrupted) => ExitCode::from(INTERRUPTED),
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
    if message.contains("out of memory") {
        format!("{first}; a smaller train.batch_size needs less memory")
    } else {
        format!("internal error: {first}")
    }
}
