//! What a phase is going to do, as a record: for the table before the training and the figure in the report.

use backbone::{Backbone, StageId};
use records::{PhasePlanRecord, RatePoint, StagePlanRecord};
use run_config::{BatchNormPolicy, LearningRateSchedule, SamplerKind, TrainConfig};

use crate::Phase;

/// Learning rates at more steps than this are not recorded; the first and the last are always among them.
const POINTS: u64 = 240;
/// Learning rates at the beginnings of more epochs than this are not recorded.
const EPOCHS: u32 = 10_000;

/// Returns what a phase is going to do with a network.
#[must_use]
pub fn outline(phase: &Phase<'_>, backbone: &Backbone) -> PhasePlanRecord {
    let Phase { step, plan, epochs, train, batch_norm, .. } = *phase;
    let (schedule, steps_per_epoch) = (phase.schedule(), phase.steps_per_epoch());
    let stage = |id: StageId| StagePlanRecord {
        name: backbone.name(id).to_owned(),
        parameters: plan.trainable_values(backbone, id),
        rate_scale: plan.rate_scale[id.index()],
        thaws: plan.unfreeze_epochs[id.index()],
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
        epochs_by: String::new(),
        steps_per_epoch,
        stages: backbone.ids().map(stage).collect(),
        rates: steps
            .into_iter()
            .map(|step| RatePoint { step, rate: schedule.at(step).learning_rate })
            .collect(),
        epoch_rates: (0..u64::from(epochs.min(EPOCHS)))
            .map(|epoch| schedule.at(epoch * steps_per_epoch).learning_rate)
            .collect(),
    }
}

/// Returns the policies in a few words: `"adamw, one-cycle after a warm-up of 1 epoch(s), gradient norm at most 1"`.
#[must_use]
pub fn policy(train: &TrainConfig, batch_norm: BatchNormPolicy) -> String {
    let mut parts = vec![train.optimizer.name().to_owned()];
    parts.push(match (train.schedule, train.warmup_epochs.get()) {
        (schedule, epochs) if epochs > 0.0 => {
            format!("{} after a warm-up of {epochs} epoch(s)", schedule.name())
        }
        (schedule, _) => schedule.name().to_owned(),
    });
    if let LearningRateSchedule::Plateau(_) = train.schedule {
        parts.push("reduced when the validation loss stays".to_owned());
    }
    if train.accumulate.get() > 1 {
        parts.push(format!("{} batches a step", train.accumulate));
    }
    if let Some(limit) = train.clip_value {
        parts.push(format!("gradient values within {limit}"));
    }
    if let Some(limit) = train.clip_norm {
        parts.push(format!("gradient norm at most {limit}"));
    }
    if let Some(decay) = train.ema {
        parts.push(format!("moving average of the weights ({decay})"));
    }
    if let Some(epoch) = train.swa_from {
        parts.push(format!("mean of the weights from epoch {epoch} on"));
    }
    if train.sampler == SamplerKind::Balanced {
        parts.push("classes drawn equally often".to_owned());
    }
    if train.class_weights.is_some() {
        parts.push("classes weighed".to_owned());
    }
    if batch_norm == BatchNormPolicy::Frozen {
        parts.push("batch-norm with the source's statistics".to_owned());
    }
    parts.join(", ")
}
