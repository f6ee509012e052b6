//! `finetune --config FILE`: the recipe, or a comparison of many runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::Context;
use backbone::Backbone;
use finetune_core::grid::Helpers;
use finetune_core::model_file::Description;
use finetune_core::run_folder::{Metrics, RunFolder};
use finetune_core::{Error, advise, grid, model_file, recipe};
use records::{Event, Interrupt, Outcome, Session};
use run_config::{Config, Run};
use serde::Serialize;

use super::{INTERRUPTED, print_hints};
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct TrainArguments {
    /// The run's configuration (TOML); dogs_cats.toml is one to copy.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Overrides a key of the configuration: --set train.epochs=3
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where the results go; a new folder. Without it: runs/NAME, numbered if that is taken.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the comparison in DIR that was cut off: what is finished there stays.
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Print the summary as JSON, as the last line of stdout.
    #[arg(long)]
    json: bool,
    /// Take part in the comparison that another process carries out in DIR.
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "out")]
    join: Option<PathBuf>,
}

/// Carries out the run that a configuration describes.
pub(super) fn perform(arguments: &TrainArguments) -> anyhow::Result<Outcome> {
    perform_changed(arguments, |_| Ok(()))
}

/// The same with a change to the configuration.
pub(super) fn perform_changed(
    arguments: &TrainArguments,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let interrupt = &listen_for_ctrl_c()?;
    let (mut config, source) =
        run_config::read(&arguments.config, &arguments.overrides).map_err(Error::from)?;
    print_hints(&source);
    change(&mut config)?;
    let run = run_config::resolve(config, source)?;
    if let Some(folder) = &arguments.join {
        return join(&run, folder, interrupt);
    }
    let folder = match (&arguments.resume, &arguments.out) {
        (Some(path), _) => RunFolder::resumed(path, &run.config)?,
        (None, Some(path)) => RunFolder::at(path)?,
        (None, None) => RunFolder::numbered(Path::new("runs"), &run.name)?,
    };
    let outcome = match &run.config.compare {
        Some(compare) => compare_runs(&run, compare, &folder, arguments, interrupt),
        None => one_run(&run, &folder, arguments, interrupt),
    };
    if outcome.is_err() && arguments.resume.is_none() {
        // A place where nothing came to be should not look like a run.
        if std::fs::metadata(folder.file("metrics.jsonl")).is_ok_and(|metrics| metrics.len() == 0) {
            let _ = std::fs::remove_file(folder.file("metrics.jsonl"));
            let _ = std::fs::remove_file(folder.file("config.toml"));
        }
        let _ = std::fs::remove_dir(folder.path());
    }
    // Whoever was told that the run stops is told so by the exit code, though nothing was left to do.
    outcome.map(|outcome| if interrupt.requested() { Outcome::Interrupted } else { outcome })
}

fn one_run(
    run: &Run,
    folder: &RunFolder,
    arguments: &TrainArguments,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut before = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut before };
    let mut materials = recipe::gather(run, session)?;
    let (run, advice) = &advise::decide(run, &materials, session.interrupt, session.listener)?;
    let config = folder.write_config(&run.config)?;
    let mut metrics = Metrics::create(folder)?;
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        metrics.listen(event);
    };
    let session = &mut Session { interrupt, listener: &mut listen };
    let finished = recipe::perform(run, &mut materials, Some(folder), session)?;
    let description = finished.description(&materials);
    let mut record = finished.record;
    advise::note(&mut record, advice.clone());
    record.config = config;
    let sha256 = model_file::save(&finished.backbone, &description, &folder.file("model.safetensors"))
        .map_err(|error| kept_elsewhere(&finished.backbone, &description, error))?;
    record.digests.insert("model.safetensors".to_owned(), sha256);
    metrics.finish()?;
    folder.write_run(&record)?;
    print(&report::text::run_summary(&record), folder, &record, arguments)?;
    Ok(record.outcome)
}

/// A model that finds no room in its folder is kept among the temporary files, if there is room: what was trained is not
/// lost.
fn kept_elsewhere(backbone: &Backbone, description: &Description<'_>, error: Error) -> anyhow::Error {
    let Ok(folder) = tempfile::Builder::new().prefix("finetune-").tempdir() else { return error.into() };
    let path = folder.path().join("model.safetensors");
    if model_file::save(backbone, description, &path).is_err() {
        return error.into();
    }
    let _ = folder.keep();
    anyhow::anyhow!("{error}; the trained model is kept in {}", path.display())
}

fn compare_runs(
    run: &Run,
    compare: &run_config::CompareConfig,
    folder: &RunFolder,
    arguments: &TrainArguments,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut metrics = match arguments.resume {
        Some(_) => Metrics::again(folder)?,
        None => Metrics::create(folder)?,
    };
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        if let Event::Cell { .. } | Event::Diverged { .. } = event {
            metrics.listen(event);
        }
    };
    let helpers = Helpers::new(run.jobs(compare) - 1, &helper);
    let (record, outcome) = grid::perform(run, compare, folder, helpers, interrupt, &mut listen)?;
    metrics.finish()?;
    print(&report::text::comparison_table(&record), folder, &record, arguments)?;
    match (outcome, grid::diverged(&record.diverged)) {
        (Outcome::Finished, Some(error)) => Err(error.into()),
        _ => Ok(outcome),
    }
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

pub(super) fn listen_for_ctrl_c() -> anyhow::Result<Interrupt> {
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
