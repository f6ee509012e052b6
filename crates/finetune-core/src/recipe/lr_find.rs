//! The learning-rate range test on a run's own images, weights and depth.

use std::time::Instant;

use backbone::StageId;
use records::{Depth, RangeRecord, Session, StepName};
use run_config::Run;
use training::Phase;
use training::outline::policy;
use training::range_test::{Suggestion, Sweep, suggest, sweep};

use super::chosen_images::images_of;
use super::freeze::freeze;
use super::gather::Materials;
use super::head::head;
use super::head_fit;
use super::load::load;
use super::loaders::{Request, loaders};
use super::phase::phase;
use super::plan::{Training, plan};
use super::step::Inputs;
use crate::Error;

/// Sweeps the learning rate as the main training of a run would use it, from an untrained head on, with everything live that
/// the run ever unfreezes. The depth is known: see [`resolve_auto_depth`](crate::advise::resolve_auto_depth). No weights are kept.
///
/// # Errors
/// As a run.
pub fn lr_find(
    run: &Run,
    materials: &mut Materials,
    how: Sweep,
    session: &mut Session<'_>,
) -> Result<RangeRecord, Error> {
    let started = Instant::now();
    if let Training::Solve(_) = plan(run).train_head
        && *run.depth() == Depth::Head
    {
        let message = "takes no training step where the depth is \"head\", so there is no learning rate to find; use \"sgd\"";
        return Err(run.source.wrong("finetune.head_solver", message).into());
    }
    run.set_up_libtorch()?;
    let checkpoint = materials.checkpoint.take();
    let (images, recipe) = (images_of(run, &materials.images)?, plan(run));
    let inputs = &Inputs { run, materials, images: &images, plan: &recipe, folder: None, kind: None };
    let silent = &mut Session { interrupt: session.interrupt, listener: &mut |_| {} };

    let loaded = load(inputs, checkpoint)?.made;
    let frozen = freeze(inputs, loaded)?.made;
    let mut prepared = head(inputs, frozen, silent)?.made;

    let step = if *run.depth() == Depth::Head { StepName::TrainHead } else { StepName::FineTune };
    let plan = prepared.plan_of(step);
    // The head is new, so it cannot tell which channels matter.
    let attention = prepared.source.uniform_attention(&prepared.backbone, &plan);
    let penalties = prepared.source.penalties(&run.config.regularize, attention);
    let phase = phase(inputs, step, run.config.train.epochs().get(), &plan, penalties);
    let phase = Phase { kind: prepared.kind, ..phase };
    let kept = head_fit::standardise(inputs, &mut prepared, silent)?;
    let backbone = &mut prepared.backbone;
    plan.apply(backbone);
    backbone.freeze_before(plan.first_live);
    backbone.prepare_inference(StageId::INPUT..plan.first_live, prepared.kind);
    let request = Request { backbone, cut: plan.first_live, epochs: 1, later_cuts: Vec::new() };
    let training = loaders(inputs, &request, kept, session)?.training;
    let points = sweep(&phase, backbone, &training, how, session)?;
    let suggestion = suggest(&points);
    Ok(RangeRecord {
        name: run.name.clone(),
        arch: run.network.name.to_owned(),
        depth: run.depth().to_string(),
        policy: policy(&run.config.train, run.config.finetune.batch_norm),
        batch_size: (run.config.train.batch_size.get().min(training.len()) as u64)
            .saturating_mul(run.config.train.accumulate.get() as u64),
        configured: run.config.train.learning_rate.get(),
        ran_away: points.len() < usize::try_from(how.steps).unwrap_or(usize::MAX),
        steepest: suggestion.map(|suggestion| suggestion.steepest),
        tenth_of_lowest: suggestion.map(|suggestion| suggestion.tenth_of_lowest),
        suggested: suggestion.map(Suggestion::learning_rate),
        points,
        seconds: materials.seconds + started.elapsed().as_secs_f64(),
    })
}
