//! The learning-rate range test on a run's own pictures, weights and depth.

use std::time::Instant;

use backbone::StageId;
use records::{Depth, Event, Interrupt, Listener, RangeRecord, StepName};
use run_config::Run;
use training::Phase;
use training::outline::policy;
use training::range_test::{Suggestion, Sweep, suggest, sweep};

use super::perform::{Work, drawn};
use super::training::{Place, make_feeds, phase};
use super::{Action, Materials, plan};
use crate::Error;
use crate::advise;

/// Sweeps the learning rate as the main training of a run would use it, from an untrained head on, everything thawed that it
/// ever thaws. Nothing is kept.
///
/// # Errors
/// As a run.
pub fn lr_find(
    run: &Run,
    materials: &mut Materials,
    how: Sweep,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<RangeRecord, Error> {
    let started = Instant::now();
    let (run, _) = &advise::resolve_auto_depth(run, materials, interrupt, listen)?;
    run.set_up_libtorch()?;
    let pictures = drawn(run, materials)?;
    let seconds_before = materials.seconds;
    let mut work = Work::new(run, materials, &pictures, None, interrupt);
    for planned in plan(run) {
        match planned.action {
            Action::Load(weights) => drop(work.load(weights)?),
            Action::Freeze(depth) => drop(work.freeze(&depth)?),
            Action::ReplaceHead => drop(work.replace_head(&mut |_: &Event<'_>| {})?),
            Action::KeepHead => drop(work.keep_head(&mut |_: &Event<'_>| {})?),
            Action::Train(_) | Action::Nothing(_) => {}
        }
    }
    let step = if run.depth == Depth::Head { StepName::TrainHead } else { StepName::FineTune };
    let plan = work.plan_of(step);
    work.backbone.freeze_before(plan.first_live);
    work.backbone.prepare_inference(StageId::INPUT..plan.first_live, work.kind);
    let place = Place { backbone: &work.backbone, cut: plan.first_live, epochs: 1, stops: Vec::new() };
    let (feed, _) = make_feeds(run, work.materials, &pictures, interrupt, place, None, listen)?;
    // The head is fresh, so it cannot tell which channels matter.
    let penalties = work.kept.penalties(&run.config.regularize, work.kept.alike(&work.backbone, &plan));
    let epochs = run.config.train.epochs;
    let phase = Phase { kind: work.kind, ..phase(run, &pictures, step, epochs, &plan, penalties) };
    let points = sweep(&phase, &work.backbone, &feed, how, interrupt, listen)?;
    let suggestion = suggest(&points);
    Ok(RangeRecord {
        name: run.name.clone(),
        arch: run.network.name.to_owned(),
        depth: run.depth.to_string(),
        policy: policy(&run.config.train, run.config.finetune.batch_norm),
        batch_size: (run.config.train.batch_size.min(feed.len()) as u64)
            .saturating_mul(run.config.train.accumulate as u64),
        configured: run.config.train.learning_rate,
        ran_away: points.len() < usize::try_from(how.steps).unwrap_or(usize::MAX),
        steepest: suggestion.map(|suggestion| suggestion.steepest),
        tenth_of_lowest: suggestion.map(|suggestion| suggestion.tenth_of_lowest),
        suggested: suggestion.map(Suggestion::rate),
        points,
        seconds: seconds_before + started.elapsed().as_secs_f64(),
    })
}
