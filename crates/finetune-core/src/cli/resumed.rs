//! A single run that was begun before: gone on with, in one process or in several, however many began it.
//!
//! Rank 0 has the folder, and reads from it; the others hear of all that they need, and need nothing of the folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ::team::Team;
use anyhow::Context;
use finetune_core::recipe::{Course, Resumed};
use finetune_core::{Error, recipe};
use progress::Progress;
use records::{DecisionRecord, Event, Interrupt, Outcome, Session};
use run_config::{Run, Source};
use run_folder::{Metrics, RunFolder};
use run_state::{Inexact, Reopened, StateFolder};
use serde::{Deserialize, Serialize};

use super::arguments::run_of;
use super::options::{TrainArguments, print_summary};
use super::resume::{finished_already, hint};
use super::run::{Begun, Decided, carry_out, decide, of_state, search_folder};
use super::team;

/// A run that rank 0 has opened, as the other processes follow it.
#[derive(Default, Serialize, Deserialize)]
struct RunToFollow {
    /// Whether nothing is left to do.
    is_finished: bool,
    name: String,
    config: String,
    decisions: Vec<DecisionRecord>,
    /// Working directory of rank 0.
    folder: PathBuf,
    /// Whether everything is decided, by the processes that began it.
    is_decided: bool,
    /// How far they got; `None` before the first step.
    progress: Option<run_state::Progress>,
}

/// A run that rank 0 has opened.
struct Opened {
    folder: RunFolder,
    states: StateFolder,
    reopened: Reopened,
}

/// Goes on with the run in a folder, in rank 0. The working directory is that in which it was begun, unless it is asked for by its
/// configuration.
pub(super) fn resume(
    team: &Team,
    path: &Path,
    arguments: TrainArguments<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new();
    let mut before = |event: &Event<'_>| progress.listen(event);
    let session = &mut Session { interrupt, listener: &mut before };
    let opened = team::agree(team, open(team, path, arguments, session))?;
    let Some(Opened { folder, states, mut reopened }) = opened else {
        shared(team, RunToFollow { is_finished: true, ..RunToFollow::default() })?;
        return Ok(Outcome::Finished);
    };
    shared(team, to_follow(&reopened)?)?;
    team::agree(team, Ok(()))?;
    let peer_timeout = reopened.run.config.run.peer_timeout.get();
    team.set_timeout(Duration::from_secs(peer_timeout.into()))?;
    let mut materials = recipe::gather(&reopened.run, team, session)?;
    let inexact = if arguments.options.is_inexact() { Inexact::Allowed } else { Inexact::Refused };
    let mut check = || {
        let basis = reopened.check(folder.path(), &states, of_state(&materials), inexact)?;
        reopened.announce(folder.path(), session)?;
        Ok(basis)
    };
    let checked = check().map_err(|error: run_state::Error| Error::from(error).into());
    let basis = team::agree(team, checked)?;
    let Reopened { run, found, .. } = reopened;
    let (decided, saved) = match (found, basis) {
        (Some(found), Some(basis)) => {
            let decided = Decided { run, search: basis.search.clone(), advice: basis.advice.clone(), basis };
            (decided, Some(resumed(team, found.state.progress, found.tensors)?))
        }
        _ => {
            let search = search_folder(&folder);
            let search_in = || match search.join("config.toml").is_file() {
                true => RunFolder::resumed_search(&search, &run.config),
                false => RunFolder::at_or_cut_off(&search),
            };
            let decided = team::lead_decides(team, || decide(&run, &materials, &search_in, session))?;
            let decided = decided.context("rank 0 decides")?;
            (Decided { run: team::decided(team, &run, Some(&decided.run))?, ..decided }, None)
        }
    };
    materials.team = team.clone();
    folder.forget_summary()?;
    let lines = saved.as_ref().and_then(|saved| saved.as_ref()).map_or(0, |saved| saved.progress.lines);
    let metrics = || Metrics::resumed(&folder, lines);
    let begun = Begun { decided, states: Some(states), materials, folder: &folder, saved };
    carry_out(begun, metrics, progress, arguments, interrupt)
}

/// Takes part in a run that rank 0 goes on with.
pub(super) fn follow(team: &Team, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
    team::agree(team, Ok(()))?;
    let followed = shared(team, RunToFollow::default())?;
    if followed.is_finished {
        return Ok(Outcome::Finished);
    }
    let run = team::agree(team, followed.run(team))?;
    team.set_timeout(Duration::from_secs(run.config.run.peer_timeout.get().into()))?;
    let session = &mut Session { interrupt, listener: &mut |_| {} };
    let mut materials = recipe::gather(&run, team, session)?;
    team::agree(team, Ok(()))?;
    let (run, saved) = match followed.is_decided {
        true => (run, resumed(team, followed.progress, run_state::Tensors::new())?),
        false => {
            team::lead_decides::<()>(team, || Ok(()))?;
            (team::decided(team, &run, None)?, None)
        }
    };
    materials.team = team.clone();
    let finished = recipe::perform(&run, &mut materials, None, Course::new(None, saved), session)?;
    Ok(finished.record.outcome)
}

/// Returns the run as rank 0 has it. One place in the program, at which all processes call.
fn shared(team: &Team, run: RunToFollow) -> anyhow::Result<RunToFollow> {
    Ok(team.from_lead(run)?)
}

/// Opens a run in its folder; `None` where it is finished.
fn open(
    team: &Team,
    path: &Path,
    arguments: TrainArguments<'_>,
    session: &mut Session<'_>,
) -> anyhow::Result<Option<Opened>> {
    let mut folder = RunFolder::of_another(path);
    if let Some(record) = folder.summary().filter(|record| record.outcome == Outcome::Finished) {
        finished_already(&folder);
        let changes = arguments.config.overrides();
        if !changes.is_empty() {
            let line = format!(
                "it stays as it is: {} was not looked at; another run needs a folder of its own (--out)",
                changes.join(", ")
            );
            let _ = writeln!(io::stderr(), "{}", report::text::visible(&line));
        }
        print_summary(&report::text::run_summary(&record), &folder, &record, arguments)?;
        return Ok(None);
    }
    let states = StateFolder::take(path).map_err(Error::from)?;
    thread::spawn(files::running_program);
    let asked = if arguments.config.is_given() {
        arguments.config.run()?
    } else {
        let config = absolute(&states.config())?;
        let begun_in = states.begun().map_err(Error::from)?.folder;
        if begun_in != std::env::current_dir().unwrap_or_default() && begun_in.is_dir() {
            folder = RunFolder::of_another(&absolute(path)?);
            work_in(&begun_in)?;
        }
        run_of(&config, arguments.config.overrides(), |_| Ok::<_, Error>(()))?
    };
    team::refuse_one_gpu(team, &asked)?;
    // The folder of the states, should the working directory be another one now.
    let states = states.reached_from(folder.path());
    hint(format!("finetune --resume {}", folder.path().display()));
    let asked = asked.shared_by(team.world(), team.local_world());
    let lines = Metrics::lines(&folder);
    let reopened = run_state::reopen(folder.path(), &states, lines, asked, session).map_err(Error::from)?;
    Ok(Some(Opened { folder, states, reopened }))
}

/// Returns what the other processes need to know.
fn to_follow(Reopened { run, found, .. }: &Reopened) -> anyhow::Result<RunToFollow> {
    Ok(RunToFollow {
        is_finished: false,
        name: run.name.clone(),
        config: toml::to_string(&run.config)?,
        decisions: run.decisions.clone(),
        folder: std::env::current_dir().unwrap_or_default(),
        is_decided: found.is_some(),
        progress: found.as_ref().and_then(|found| found.state.progress.clone()),
    })
}

impl RunToFollow {
    /// Returns the run itself, where its paths are found.
    fn run(&self, team: &Team) -> anyhow::Result<Run> {
        if self.folder.is_dir() {
            work_in(&self.folder)?;
        }
        let source = Source::new(Path::new("config.toml"), self.config.clone());
        let run = run_config::resolve(run_config::parse(&self.config)?, source)?;
        let run = run.shared_by(team.world(), team.local_world());
        Ok(Run { name: self.name.clone(), decisions: self.decisions.clone(), ..run })
    }
}

/// Returns how far the run had come in every process; rank 0 has read the tensors.
fn resumed(
    team: &Team,
    progress: Option<run_state::Progress>,
    tensors: run_state::Tensors,
) -> anyhow::Result<Option<Resumed>> {
    let Some(progress) = progress else { return Ok(None) };
    Ok(Some(Resumed { progress, tensors: team.tensors_from_lead(tensors)? }))
}

fn work_in(folder: &Path) -> anyhow::Result<()> {
    std::env::set_current_dir(folder).with_context(|| format!("cannot work in {}", folder.display()))
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
}
