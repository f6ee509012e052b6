//! Several processes that train together: those that `torchrun` has started, and those that `--processes` starts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use features::dataset::agree_on_images;
use finetune_core::recipe::{Course, Materials};
use finetune_core::{Error, recipe};
use records::{DecisionRecord, Interrupt, Outcome, Session};
use run_config::{Config, Run};
use serde::{Deserialize, Serialize};
use team::{Ending, Environment, Failed, Failure, Program, Team, processes};

use super::{UsageError, exit_code, message, of_panic};

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
    let Some(environment) = environment()? else { return Ok(Team::alone()) };
    processes::follow_parent(interrupt);
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
        return Err(
            UsageError("a comparison runs in one process, and shares its runs by compare.jobs").into()
        );
    }
    if team.local_world() > 1 && run.config.run.device.starts_with("cuda:") {
        return Err(run
            .source
            .wrong("run.device", "each process has a GPU of its own: use \"cuda\" or \"auto\"")
            .into());
    }
    team.set_timeout(Duration::from_secs(run.config.run.peer_timeout.get().into()))?;
    Ok(run.shared_by(team.world(), team.local_world()))
}

/// Reads what the run needs, and sees that every process has read the same images.
pub(super) fn gathered(team: &Team, run: &Run, session: &mut Session<'_>) -> anyhow::Result<Materials> {
    let materials = team.agree(recipe::gather(run, session))?;
    agree_on_images(team, &materials.images)?;
    Ok(materials)
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
    let mut materials = gathered(team, run, session)?;
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
    let of_team = error.downcast_ref::<team::Error>().or(match error.downcast_ref() {
        Some(Error::Team(error)) => Some(error),
        _ => None,
    });
    team.end(&Ending { failure: failure_of(&error), of_team })
}
