//! `finetune --config FILE`: the recipe, or a comparison of many runs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use backbone::Backbone;
use finetune_core::helpers::Helpers;
use finetune_core::run_folder::{Metrics, RunFolder};
use finetune_core::{advise, compare, recipe, search};
use records::{Event, Interrupt, Outcome, Session};
use run_config::{Config, Run};
use serde::Serialize;
use trained_model::model_file::{self, Description, SaveError};

use super::INTERRUPTED;
use super::arguments::{ConfigArguments, Output, print_report};
use super::joined::{joining, search_helpers, stop_with_stdin};
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct TrainOptions {
    /// Resume the comparison in DIR that was cut off; its finished runs stay
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    resume: Option<PathBuf>,
    /// Take part in the comparison that another process carries out in DIR
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "out")]
    join: Option<PathBuf>,
}

/// Arguments of a command that trains.
#[derive(Clone, Copy)]
pub(super) struct TrainArguments<'a> {
    pub(super) config: &'a ConfigArguments,
    pub(super) options: &'a TrainOptions,
}

/// Carries out the run that a configuration describes.
pub(super) fn perform(arguments: TrainArguments<'_>) -> anyhow::Result<Outcome> {
    perform_changed(arguments, |_| Ok(()))
}

/// Carries out the run of a configuration after changing it.
pub(super) fn perform_changed(
    arguments: TrainArguments<'_>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let interrupt = &listen_for_ctrl_c()?;
    let run = arguments.config.changed_run(change)?;
    let TrainOptions { resume, join: joined } = arguments.options;
    if let Some(folder) = joined {
        return join(&run, folder, interrupt);
    }
    let folder = match resume {
        Some(path) => RunFolder::resumed(path, &run.config)?,
        None => arguments.config.new_folder(&run.name)?,
    };
    let outcome = match &run.config.compare {
        Some(compare) => compare_runs(&run, compare, &folder, arguments, interrupt),
        None => one_run(&run, &folder, arguments, interrupt),
    };
    if outcome.is_err() && resume.is_none() {
        folder.forget_if_empty();
    }
    // A requested stop shows in the exit code even if nothing was left to do.
    outcome.map(|outcome| if interrupt.requested() { Outcome::Interrupted } else { outcome })
}

fn one_run(
    run: &Run,
    folder: &RunFolder,
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut before = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut before };
    let mut materials = recipe::gather(run, session)?;
    let helpers = search_helpers(run);
    let (run, search) = &search::resolve_search(run, &materials, &search_folder(folder), &helpers, session)?;
    let (run, advice) = &advise::resolve_auto_depth(run, &materials, session)?;
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
    advise::attach_to_record(&mut record, advice.clone());
    search::attach_to_record(&mut record, search.clone());
    record.config = config;
    let sha256 = model_file::save(&finished.backbone, &description, &folder.file("model.safetensors"))
        .map_err(|error| kept_elsewhere(&finished.backbone, &description, error))?;
    record.digests.insert("model.safetensors".to_owned(), sha256);
    metrics.finish()?;
    folder.write_predictions(finished.predictions.as_ref().filter(|_| run.config.data.fold.is_some()))?;
    folder.write_run(&record)?;
    print_summary(&report::text::run_summary(&record), folder, &record, arguments)?;
    Ok(record.outcome)
}

/// Returns the folder of the search before a run: next to its own, `runs/NAME-search`.
fn search_folder(folder: &RunFolder) -> PathBuf {
    let mut name = folder.path().file_name().unwrap_or_default().to_owned();
    name.push("-search");
    folder.path().with_file_name(name)
}

/// Saves a model that cannot be written into its folder among the temporary files, so that the training is not lost. Returns
/// the error, which names the file.
fn kept_elsewhere(backbone: &Backbone, description: &Description<'_>, error: SaveError) -> anyhow::Error {
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
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut metrics = match arguments.options.resume {
        Some(_) => Metrics::reopen(folder)?,
        None => Metrics::create(folder)?,
    };
    let mut listen = |event: &Event<'_>| {
        progress.listen(event);
        if let Event::Cell { .. } | Event::Diverged { .. } = event {
            metrics.listen(event);
        }
    };
    let helpers = Helpers::new(run.jobs(compare.jobs) - 1, &helper);
    let session = &mut Session { interrupt, listener: &mut listen };
    let (record, outcome) = compare::perform(run, compare, folder, helpers, session)?;
    metrics.finish()?;
    print_summary(&report::text::comparison_table(&record), folder, &record, arguments)?;
    match (outcome, compare::diverged(&record.diverged)) {
        (Outcome::Finished, Some(error)) => Err(error.into()),
        _ => Ok(outcome),
    }
}

/// Returns the command of a helper of the comparison in a folder.
fn helper(folder: &Path) -> Command {
    joining(folder, &[])
}

/// Carries out runs as a helper.
fn join(run: &Run, folder: &Path, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
    let compare = run.config.compare.as_ref().context("the configuration compares nothing")?;
    stop_with_stdin(interrupt);
    compare::join(run, compare, &RunFolder::of_another(folder), interrupt)?;
    Ok(Outcome::Finished)
}

/// Prints the summary as text; with `--json` also as JSON, in the last line.
fn print_summary(
    text: &str,
    folder: &RunFolder,
    record: &impl Serialize,
    arguments: TrainArguments<'_>,
) -> anyhow::Result<()> {
    let output = if arguments.config.json { Output::TextThenJson } else { Output::Text };
    print_report(output, &format!("{}\n", text.trim_end()), record, folder)
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
