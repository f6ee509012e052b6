//! Several processes that train together: those that `torchrun` has started, and those that `--processes` starts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use finetune_core::recipe::Course;
use finetune_core::{Error, recipe};
use records::{DecisionRecord, Interrupt, Outcome, Session};
use run_config::{Config, Run};
use serde::{Deserialize, Serialize};
use team::{Ending, Environment, Failed, Failure, Program, Team, processes};

use super::{UsageError, exit_code, message, of_panic};

/// What is said of several processes that are asked for a comparison.
pub(super) const COMPARISON_ALONE: &str = "a comparison runs in one process, and shares its runs by compare.jobs; processes on other machines join it with --join";

fn environment() -> Result<Option<Environment>, team::Error> {
    Environment::read(|name| std::env::var(name).ok())
}

/// Leaves one GPU visible to a process that shares its machine with others.
pub(crate) fn see_own_gpu() {
    if let Ok(Some(Environment { local_rank, local_world, .. })) = environment()
        && local_world > 1
    {
        torch_extra::cuda::see_only(local_rank);
    }
}

/// Refuses a command that runs in one process.
pub(super) fn refuse_several() -> anyhow::Result<()> {
    match environment()? {
        None => Ok(()),
        Some(_) => Err(UsageError(
            "this command runs in one process; several (torchrun, WORLD_SIZE) only train: finetune --config FILE",
        )
        .into()),
    }
}

/// Meets the other processes, if there are any.
pub(super) fn join(interrupt: &Interrupt) -> anyhow::Result<Team> {
    let environment = environment()?;
    processes::follow_parent(interrupt);
    let Some(environment) = environment else { return Ok(Team::alone()) };
    let digest = files::running_program()?;
    let program = Program { digest, libtorch: torch_extra::determinism::libtorch() };
    Ok(Team::join(&environment, &program, interrupt)?)
}

/// An error of this process that others are to hear of.
struct Wrong(anyhow::Error);

impl From<team::Error> for Wrong {
    fn from(error: team::Error) -> Self {
        Self(error.into())
    }
}

impl Failed for Wrong {
    fn failure(&self) -> Failure {
        failure_of(&self.0)
    }
}

fn failure_of(error: &anyhow::Error) -> Failure {
    Failure { message: message(error), code: exit_code(error) }
}

/// Goes on where every process has come as far.
pub(super) fn agree<T>(team: &Team, mine: anyhow::Result<T>) -> anyhow::Result<T> {
    team.agree(mine.map_err(Wrong)).map_err(|Wrong(error)| error)
}

/// Makes the configuration one of several processes, and sees that all have the same.
pub(super) fn shared(team: &Team, run: Run) -> anyhow::Result<Run> {
    if team.is_alone() {
        return Ok(run);
    }
    if !team.is_alike(&toml::to_string(&run.config)?)? {
        return Err(team::Error::Differ("configuration".to_owned()).into());
    }
    if run.config.compare.is_some() {
        return Err(UsageError(COMPARISON_ALONE).into());
    }
    refuse_one_gpu(team, &run)?;
    team.set_timeout(Duration::from_secs(run.config.run.peer_timeout.get().into()))?;
    Ok(run.shared_by(team.world(), team.local_world()))
}

/// Refuses one GPU for all processes of a machine.
pub(super) fn refuse_one_gpu(team: &Team, run: &Run) -> anyhow::Result<()> {
    if team.local_world() > 1 && run.config.run.device.starts_with("cuda:") {
        return Err(run
            .source
            .wrong("run.device", "each process has a GPU of its own: use \"cuda\" or \"auto\"")
            .into());
    }
    Ok(())
}

/// What rank 0 has decided, as it goes over the wire.
#[derive(Default, Serialize, Deserialize)]
struct Decided {
    config: String,
    decisions: Vec<DecisionRecord>,
}

/// Lets rank 0 decide what the configuration leaves open, while the others wait. Returns what it decided, in rank 0 only.
pub(super) fn lead_decides<T>(
    team: &Team,
    decide: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    team.while_lead(|| decide().map_err(Wrong)).map_err(|Wrong(error)| error)
}

/// Returns the run as rank 0 has decided it, which gives its own.
pub(super) fn decided(team: &Team, asked: &Run, own: Option<&Run>) -> anyhow::Result<Run> {
    if let (true, Some(own)) = (team.is_alone(), own) {
        return Ok(own.clone());
    }
    let decided = own.map(|run| {
        anyhow::Ok(Decided { config: toml::to_string(&run.config)?, decisions: run.decisions.clone() })
    });
    let Decided { config, decisions } = team.from_lead(decided.transpose()?.unwrap_or_default())?;
    let run = match own {
        Some(own) => own.clone(),
        None => Run { config: toml::from_str::<Config>(&config)?, decisions, ..asked.clone() },
    };
    Ok(run.shared_by(team.world(), team.local_world()))
}

/// Takes part in a run of which rank 0 writes the results.
pub(super) fn follow(team: &Team, run: &Run, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
    agree(team, Ok(()))?;
    let session = &mut Session { interrupt, listener: &mut |_| {} };
    let mut materials = recipe::gather(run, team, session)?;
    lead_decides::<()>(team, || Ok(()))?;
    let run = decided(team, run, None)?;
    materials.team = team.clone();
    let finished = recipe::perform(&run, &mut materials, None, Course::unsaved(), session)?;
    Ok(finished.record.outcome)
}

/// Does the work of one of several processes. One that fails lets the others know and ends at once: what it would wait for may
/// never come.
pub(super) fn guarded<T>(team: &Team, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    if team.is_alone() {
        return work();
    }
    let done = catch_unwind(AssertUnwindSafe(work));
    let error = match done {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error,
        Err(payload) => of_panic(payload.as_ref()),
    };
    team.end(&Ending { failure: failure_of(&error), of_team: of_team(&error) })
}

fn of_team(error: &anyhow::Error) -> Option<&team::Error> {
    error.downcast_ref::<team::Error>().or(match error.downcast_ref() {
        Some(Error::Team(error)) => Some(error),
        _ => None,
    })
}

/// Whether nothing is wrong but that another process is gone, or does not answer.
pub(super) fn is_left_alone(error: &anyhow::Error) -> bool {
    matches!(of_team(error), Some(team::Error::Peer { failure: None, .. } | team::Error::Silent { .. }))
}
