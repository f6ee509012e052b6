//! What a phase is going to do, as a record: for the table before the training and the drawing in the report.

use backbone::{Backbone, StageId};
use records::{PhasePlanRecord, RatePoint, StagePlanRecord, StepName};
use run_config::{BatchNormPolicy, LearningRateSchedule, SamplerKind, TrainConfig};

use super::schedule::Schedule;
use super::steps_per_epoch;
use crate::freeze::FreezePlan;

/// More points than this are not drawn; the first and the last are always among them.
const POINTS: u64 = 240;

/// A phase of so many epochs over so many pictures.
#[must_use]
pub fn outline(
    step: StepName,
    backbone: &Backbone,
    plan: &FreezePlan,
    (train, batch_norm): (&TrainConfig, BatchNormPolicy),
    (epochs, images): (u32, usize),
) -> PhasePlanRecord {
    let steps_per_epoch = steps_per_epoch(train, images);
    let schedule = Schedule::new(train, steps_per_epoch, epochs);
    let stage = |id: StageId| StagePlanRecord {
        name: backbone.name(id).to_owned(),
        parameters: backbone.parameter_count(id),
        rate_scale: plan.rate_scale[id.index()],
        thaws: plan.thaws[id.index()],
    };
    let last = schedule.steps().saturating_sub(1);
    let mut steps: Vec<u64> = (0..=POINTS)
        .map(|point| (u128::from(last) * u128::from(point) / u128::from(POINTS)) as u64)
        .collect();
    steps.dedup();
    PhasePlanRecord {
        phase: step.name().to_owned(),
        policy: policy(train, batch_norm),
        epochs,
        steps_per_epoch,
        stages: backbone.ids().map(stage).collect(),
        rates: steps.into_iter().map(|step| RatePoint { step, rate: schedule.at(step).rate }).collect(),
        epoch_rates: (0..u64::from(epochs.min(LISTED)))
            .map(|epoch| schedule.at(epoch * steps_per_epoch).rate)
            .collect(),
    }
}

/// Rates at the beginnings of more epochs than this are not listed.
const LISTED: u32 = 10_000;

/// The policies in a few words, `"adamw, one-cycle after a warm-up of 1 epoch(s), gradient norm at most 1"`.
pub fn policy(train: &TrainConfig, batch_norm: BatchNormPolicy) -> String {
    let mut said = vec![train.optimizer.name().to_owned()];
    said.push(match (train.schedule, train.warmup_epochs.get()) {
        (schedule, epochs) if epochs > 0.0 => {
            format!("{} after a warm-up of {epochs} epoch(s)", schedule.name())
        }
        (schedule, _) => schedule.name().to_owned(),
    });
    if let LearningRateSchedule::Plateau(_) = train.schedule {
        said.push("reduced when the validation loss stays".to_owned());
    }
    if train.accumulate.get() > 1 {
        said.push(format!("{} batches a step", train.accumulate));
    }
    if let Some(limit) = train.clip_value {
        said.push(format!("gradient values within {limit}"));
    }
    if let Some(limit) = train.clip_norm {
        said.push(format!("gradient norm at most {limit}"));
    }
    if let Some(decay) = train.ema {
        said.push(format!("moving average of the weights ({decay})"));
    }
    if let Some(epoch) = train.swa_from {
        said.push(format!("mean of the weights from epoch {epoch} on"));
    }
    if train.sampler == SamplerKind::Balanced {
        said.push("classes drawn equally often".to_owned());
    }
    if train.class_weights.is_some() {
        said.push("classes weighed".to_owned());
    }
    if batch_norm == BatchNormPolicy::Frozen {
        said.push("batch-norm with the source's statistics".to_owned());
    }
    said.join(", ")
}
