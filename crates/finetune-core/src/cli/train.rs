//! `finetune --config FILE`: the recipe, or a comparison of many runs.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use ::team::{Team, processes};
use anyhow::Context;
use finetune_core::helpers::Helpers;
use finetune_core::{Error, compare};
use records::{Event, Interrupt, Outcome, Session};
use run_config::{Config, Run};
use run_folder::{FolderError, Metrics, RunFolder};

use super::arguments::run_of;
use super::joined::{joined, joining};
use super::options::{TrainArguments, print_summary};
use super::resume::{Holds, held_in, hint, stopping};
use super::team::COMPARISON_ALONE;
use super::{INTERRUPTED, UsageError, resumed, run, team};
use progress::Progress;

/// Carries out the run that a configuration describes.
pub(super) fn perform(arguments: TrainArguments<'_>) -> anyhow::Result<Outcome> {
    perform_changed(arguments, |_| Ok(()))
}

/// Carries out the run of a configuration after changing it, or goes on with what was cut off in a folder.
pub(super) fn perform_changed(
    arguments: TrainArguments<'_>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let (count, restarts) =
        (arguments.options.processes.map_or(1, NonZeroUsize::get), arguments.options.max_restarts);
    if count > 1 || restarts > 0 {
        let code = processes::start(count, restarts)?;
        std::process::exit(code.into());
    }
    let interrupt = &listen_for_ctrl_c()?;
    let team = &team::join(interrupt)?;
    team::guarded(team, || in_team(team, arguments, change, interrupt))
}

/// Carries out the run in this process, which may be one of several.
fn in_team(
    team: &Team,
    arguments: TrainArguments<'_>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let TrainArguments { config, options } = arguments;
    // The folder of a run whose processes were started again without --out.
    let remembered = processes::remembered_folder();
    let out = config.out().or(remembered.as_deref());
    options.resume.check_restarts(out)?;
    let begun = team.from_lead(options.resume.folder(out).map(Path::to_path_buf))?;
    if let (Some(folder), true) = (&options.join, team.is_alone()) {
        return join(folder, arguments, change, interrupt);
    }
    if !config.is_given() && begun.is_none() {
        return Err(UsageError("--config <FILE> is needed; see --help").into());
    }
    let outcome = match begun {
        Some(path) if team.is_lead() => go_on(team, &path, arguments, change, interrupt),
        Some(_) => resumed::follow(team, interrupt),
        None => begin(team, arguments, out, change, interrupt),
    };
    // A requested stop shows in the exit code even if nothing was left to do.
    outcome.map(|outcome| if interrupt.requested() { Outcome::Interrupted } else { outcome })
}

fn begin(
    team: &Team,
    arguments: TrainArguments<'_>,
    out: Option<&Path>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let TrainArguments { config, options } = arguments;
    let run = team::shared(team, team::agree(team, config.changed_run(change))?)?;
    if !team.is_lead() {
        return team::follow(team, &run, interrupt);
    }
    let folder = match options.resume.folder_to_begin(out) {
        Some(folder) => folder.map_err(anyhow::Error::from),
        None => config.new_folder(&run.name).map_err(anyhow::Error::from),
    };
    let folder = team::agree(team, folder)?;
    processes::remember_folder(folder.path());
    let outcome = match &run.config.compare {
        Some(compare) => compare_runs(&run, compare, &folder, Metrics::create, arguments, interrupt),
        None => run::begin(team, &run, &folder, arguments, interrupt),
    };
    if outcome.as_ref().err().is_some_and(|error| !team::is_left_alone(error)) {
        folder.forget_if_empty();
    }
    outcome
}

/// Goes on with the run or comparison in a folder, by the configuration that is given or by its own.
fn go_on(
    team: &Team,
    path: &Path,
    arguments: TrainArguments<'_>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let config = arguments.config;
    let what = || {
        let run = match config.is_given() {
            true => Some(config.changed_run(change)?),
            false => None,
        };
        let given = run.as_ref().is_some_and(|run| run.config.compare.is_some());
        if !given && held_in(path)? == Holds::Run {
            return Ok(None);
        }
        if !team.is_alone() {
            return Err(UsageError(COMPARISON_ALONE).into());
        }
        Ok(Some(run))
    };
    let what = what();
    let run = match what {
        Ok(None) => return resumed::resume(team, path, arguments, interrupt),
        Ok(Some(run)) => run,
        Err(error) => team::agree(team, Err(error))?,
    };
    let own = || run_of(&path.join("config.toml"), config.overrides(), |_| Ok::<_, Error>(()));
    let run = run.map_or_else(own, Ok)?;
    let folder = RunFolder::resumed(path, &run.config)?;
    // Where the folder has a comparison, its configuration has.
    let compare = run.config.compare.clone().unwrap_or_default();
    compare_runs(&run, &compare, &folder, Metrics::reopen, arguments, interrupt)
}

fn compare_runs(
    run: &Run,
    compare: &run_config::CompareConfig,
    folder: &RunFolder,
    metrics: impl FnOnce(&RunFolder) -> Result<Metrics, FolderError>,
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    hint(format!("finetune --resume {}", folder.path().display()));
    let mut progress = Progress::new();
    let mut metrics = metrics(folder)?;
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

/// Carries out runs of the comparison in a folder, by the configuration that is given or by its own.
fn join(
    folder: &Path,
    arguments: TrainArguments<'_>,
    change: impl FnOnce(&mut Config) -> anyhow::Result<()>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let config = arguments.config;
    let run = match config.is_given() {
        true => config.changed_run(change)?,
        false => run_of(&folder.join("config.toml"), config.overrides(), |_| Ok::<_, Error>(()))?,
    };
    let compare = run.config.compare.as_ref().context("the configuration compares nothing")?;
    joined(folder, interrupt, |session| {
        Ok(compare::join(&run, compare, &RunFolder::of_another(folder), session)?)
    })?;
    Ok(Outcome::Finished)
}

pub(super) fn listen_for_ctrl_c() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let asked = interrupt.clone();
    ctrlc::set_handler(move || {
        if asked.request() {
            std::process::exit(i32::from(INTERRUPTED)); // asked twice: at once
        }
        let _ = writeln!(io::stderr(), "\n{}", stopping());
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(interrupt)
}
