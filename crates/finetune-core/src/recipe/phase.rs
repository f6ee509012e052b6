use records::{Depth, StepName};
use regularize::CrossEntropy;
use run_config::{ClassWeights, HeadPolicy, HeadSolver, PositiveShare};
use tch::{Kind, Tensor};
use training::average::Averaging;
use training::deferred::sync_interval;
use training::freeze::FreezePlan;
use training::objective::{Objective, balanced_weights, mode_of};
use training::penalties::Penalties;
use training::{Phase, enough_epochs};

use super::step::Inputs;

/// Describes a phase, the first of the run, from its configuration. It has more epochs than asked for where
/// `train.min_steps` needs them.
pub(super) fn phase<'a>(
    inputs: &Inputs<'a>,
    step: StepName,
    epochs: u32,
    plan: &'a FreezePlan,
    penalties: Penalties,
) -> Phase<'a> {
    let Inputs { run, images, .. } = *inputs;
    let config = &run.config;
    // The step `train-head` before a fine-tune step only prepares that.
    let main = step == StepName::FineTune || *run.depth() == Depth::Head;
    Phase {
        step,
        plan,
        epochs: enough_epochs(epochs, &config.train, images.train.len()),
        images: images.train.len(),
        objective: Objective {
            mode: mode_of(config.finetune.batch_norm),
            cross_entropy: CrossEntropy {
                smoothing: config.regularize.label_smoothing.get(),
                class_weights: class_weights(inputs),
            },
            penalties,
        },
        train: &config.train,
        regularize: &config.regularize,
        batch_norm: config.finetune.batch_norm,
        kind: Kind::Float,
        begins_trained: match step {
            StepName::TrainHead => config.finetune.head == HeadPolicy::Keep,
            _ => config.finetune.head_solver != HeadSolver::Sgd,
        },
        wise_ft: config.finetune.wise_ft.filter(|_| step == StepName::FineTune).map(PositiveShare::get),
        averaging: if main { Averaging::of(&config.train) } else { Averaging::None },
        seed: config.run.seed,
        sync_interval: sync_interval(run.device),
    }
}

/// Returns the weight of each class, `[classes]`, float32; `None` where all are 1.
fn class_weights(inputs: &Inputs<'_>) -> Option<Tensor> {
    let Inputs { run, images, .. } = *inputs;
    let weights: Vec<f64> = match run.config.train.class_weights.as_ref()? {
        ClassWeights::Balanced => balanced_weights(&images.train.labels(), images.classes.len()),
        ClassWeights::PerClass(weights) => {
            images.classes.iter().map(|class| weights.get(class).map_or(1.0, |weight| weight.get())).collect()
        }
    };
    Some(Tensor::from_slice(&weights).to_device(run.device).to_kind(run.config.run.precision.weights()))
}
