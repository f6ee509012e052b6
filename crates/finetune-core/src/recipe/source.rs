//! What is kept of the source for the techniques that pull towards it; nothing where none is asked for.

use std::rc::Rc;

use backbone::{Backbone, Mode, StageId, Values};
use checkpoint::Checkpoint;
use features::loader::Batch;
use ranged::Positive;
use records::{Event, Session, StepName};
use regularize::{CoTuning, CrossEntropy, Targets, attention, importance};
use run_config::HeadPolicy;
use tch::Tensor;
use training::penalties::{Attention, OriginalHead, SourceWeights};

use super::gather::{build, end};
use super::loaders::once;
use super::prepared::Prepared;
use super::step::Inputs;
use crate::Error;

/// Number of batches over which DELTA measures how much a channel matters, as its authors do.
const ATTENTION_BATCHES: usize = 4;

/// Returns the head that is about to be replaced, for Co-Tuning, with its probabilities for each of the new classes.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn original_head(
    inputs: &Inputs<'_>,
    backbone: &mut Backbone,
    head_scale: Option<f64>,
    session: &mut Session<'_>,
) -> Result<Option<Rc<OriginalHead>>, Error> {
    let Inputs { run, images, .. } = *inputs;
    let Some(co_tuning) = run.config.regularize.co_tuning else { return Ok(None) };
    let of_weights = head_scale.and_then(|scale| Positive::try_from(scale).ok());
    let co_tuning = CoTuning { scale: co_tuning.scale.or(of_weights), ..co_tuning };
    backbone.to(run.device, run.config.run.precision.weights());
    let original = OriginalHead::copy_of(backbone);
    let loader = once(inputs, backbone, StageId::INPUT, &images.train, session.interrupt)?;
    let _no_gradient = tch::no_grad_guard();
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    let (mut done, total) = (0, loader.len() as u64);
    for batch in loader.in_order(backbone, run.config.train.batch_size.get()) {
        if session.interrupted() {
            return Err(Error::Interrupted);
        }
        let batch = batch?;
        logits.push(backbone.classify(&batch.x, StageId::INPUT, Mode::Evaluate).logits);
        done += u64::try_from(batch.labels.size()[0]).unwrap_or(0);
        labels.push(batch.labels);
        session.emit(&Event::Prepared { what: "original head", done, total });
    }
    let classes = i64::try_from(images.classes.len()).unwrap_or(i64::MAX);
    let table = co_tuning.relationship(&Tensor::cat(&logits, 0), &Tensor::cat(&labels, 0), classes);
    Ok(Some(Rc::new(original.relate(&table))))
}

/// Returns copies of the transferred weights, but those that the weights' file lacks.
pub(super) fn weights(inputs: &Inputs<'_>, backbone: &Backbone, missing: &[String]) -> Rc<SourceWeights> {
    let config = &inputs.run.config;
    if config.regularize.l2_sp.is_none() && config.regularize.delta.is_none() {
        return Rc::default();
    }
    Rc::new(match config.finetune.head {
        HeadPolicy::New => SourceWeights::of(backbone, missing),
        HeadPolicy::Keep => SourceWeights::with_head(backbone, missing),
    })
}

/// Returns a whole network with the source weights, for DELTA.
///
/// # Errors
/// When the weights do not fit the network.
pub(super) fn network(
    inputs: &Inputs<'_>,
    checkpoint: Option<&Checkpoint>,
) -> Result<Option<Rc<Backbone>>, Error> {
    let Inputs { run, materials, .. } = *inputs;
    let (Some(_), Some(checkpoint)) = (run.config.regularize.delta, checkpoint) else { return Ok(None) };
    let values = Values::Awaited { seed: run.config.run.seed };
    let mut network = build(run, &materials.input, Some(checkpoint), values)?;
    network.load(checkpoint)?;
    end(run, &mut network)?;
    network.to(run.device, run.config.run.precision.weights());
    network.freeze_before(network.head_id());
    Ok(Some(Rc::new(network)))
}

/// Returns the attention of DELTA to the channels of every stage that a step trains, uniform where no trained head can be
/// asked; `None` on interruption.
///
/// # Errors
/// When an image can no longer be read.
pub(super) fn channel_attention(
    inputs: &Inputs<'_>,
    prepared: &Prepared,
    step: StepName,
    session: &mut Session<'_>,
) -> Result<Option<Vec<Attention>>, Error> {
    let Inputs { run, images, plan: recipe, .. } = *inputs;
    let Prepared { backbone, source, .. } = prepared;
    let plan = prepared.plan_of(step);
    let first_live = plan.first_live;
    let stages = source.compared_stages(backbone, first_live);
    let head_is_trained = recipe.phases().any(|(step, _)| step == StepName::TrainHead);
    if stages.is_empty() || !head_is_trained {
        return Ok(Some(source.uniform_attention(backbone, &plan)));
    }
    let loader = once(inputs, backbone, first_live, &images.train, session.interrupt)?;
    let size = run.config.train.batch_size.get();
    let batches = loader.unmixed(backbone, size, run.config.run.seed).take(ATTENTION_BATCHES);
    let count = loader.len().div_ceil(size).min(ATTENTION_BATCHES) * stages.len();
    let (mut done, total) = (0, count as u64);
    let mut sums: Vec<Option<Tensor>> = stages.iter().map(|_| None).collect();
    for batch in batches {
        let batch = batch?;
        for (&stage, sum) in stages.iter().zip(&mut sums) {
            if session.interrupted() {
                return Ok(None);
            }
            let rise = channel_importance(backbone, &batch, first_live, stage);
            *sum = Some(sum.take().map_or(rise.shallow_clone(), |sum| sum + &rise));
            done += 1;
            session.emit(&Event::Prepared { what: "channels weighed", done, total });
        }
    }
    // The attention does not change when all importances do by one factor, so their sum is as good as their mean.
    let summed = stages.into_iter().zip(sums);
    let attended = |(stage, sum): (StageId, Option<Tensor>)| {
        sum.map(|sum| Attention { stage, weights: attention(&sum) })
    };
    Ok(Some(summed.filter_map(attended).collect()))
}

/// Returns how much the loss of a batch, which is the input of stage `from`, rises without each channel of a stage's output,
/// `[C]`.
fn channel_importance(backbone: &Backbone, batch: &Batch, from: StageId, stage: StageId) -> Tensor {
    let _no_gradient = tch::no_grad_guard();
    let next = backbone.ids().find(|&id| id > stage).unwrap_or(backbone.head_id());
    let (x, outputs) = backbone.forward_collect(&batch.x, from..next, &[stage], Mode::Evaluate);
    importance(&outputs[0], |output| {
        let changed = backbone.with_output(stage, &x, output);
        let logits = backbone.classify(&changed, next, Mode::Evaluate).logits;
        CrossEntropy::default().of(&logits, &Targets::Labels(batch.labels.shallow_clone()))
    })
}
