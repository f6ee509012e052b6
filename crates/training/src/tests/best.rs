//! Which weights are the model when a phase ends. Nothing is trained: stages are filled with numbers, as epochs would.

use backbone::{Backbone, Mode, Options, StageId, Values};
use records::{Depth, StepName};
use regularize::CrossEntropy;
use run_config::{BatchNormPolicy, KeepPolicy, Metric, RegularizeConfig, TrainConfig};
use tch::Kind;

use super::values;
use crate::average::Averaging;
use crate::best::{Figures, Moment};
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::penalties::Penalties;
use crate::{Ending, Phase, Trainer, TrainingState};

fn lenet() -> Backbone {
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    zoo::network("lenet5_relu").unwrap().build(Values::default(), &options)
}

fn fill(backbone: &Backbone, stage: StageId, value: f64) {
    for variable in backbone.stage_variables(stage) {
        let _ = tch::no_grad(|| variable.tensor.shallow_clone().fill_(value));
    }
}

fn first(backbone: &Backbone, stage: StageId) -> f64 {
    values(&backbone.stage_variables(stage)[0].tensor)[0]
}

fn phase<'a>(
    step: StepName,
    plan: &'a FreezePlan,
    train: &'a TrainConfig,
    regularize: &'a RegularizeConfig,
) -> Phase<'a> {
    let (cross_entropy, penalties) = (CrossEntropy::default(), Penalties::default());
    Phase {
        kind: Kind::Float,
        step,
        plan,
        epochs: 3,
        images: 8,
        objective: Objective { mode: Mode::Train, cross_entropy, penalties },
        train,
        regularize,
        batch_norm: BatchNormPolicy::Train,
        averaging: Averaging::None,
        begins_trained: false,
        wise_ft: None,
        seed: 0,
        sync_interval: 1,
    }
}

fn figures(loss: f64, accuracy: f64) -> Figures {
    Figures { loss, accuracy, balanced_accuracy: accuracy, f1: accuracy }
}

/// Goes through both phases as if their epochs ended with these losses and accuracies; after epoch `n` of all, from 1, every
/// live value is `n`. Returns the values of the stage before the head and of the head, and the place that was kept.
fn gone_through(train: &TrainConfig, head: &[[f64; 2]], all: &[[f64; 2]]) -> (f64, f64, String) {
    let mut backbone = lenet();
    let regularize = RegularizeConfig::default();
    let (head_id, fc2) = (backbone.head_id(), backbone.stage("fc2").unwrap());
    fill(&backbone, fc2, 0.0);
    let head_only = FreezePlan::head_only(&backbone);
    let whole = FreezePlan::new(&backbone, &Depth::All, 0.1).unwrap();
    let mut state: Option<TrainingState> = None;
    let (mut number, mut kept) = (0.0, String::new());
    for (step, plan, epochs) in [(StepName::TrainHead, &head_only, head), (StepName::FineTune, &whole, all)] {
        let phase = phase(step, plan, train, &regularize);
        let mut current = match state.take() {
            Some(state) => state.next(&phase),
            None => TrainingState::new(&phase),
        };
        drop(Trainer::new(&phase, &mut backbone, &mut current, &mut ()));
        for (&[loss, accuracy], epoch) in epochs.iter().zip(1..) {
            number += 1.0;
            let live = [fc2, head_id].into_iter().filter(|&id| id >= plan.first_live);
            live.for_each(|stage| fill(&backbone, stage, number));
            if train.keeps_best() {
                let moment = Moment { phase: step, epoch, averaged: 0 };
                current.judge(&phase, &backbone, moment, figures(loss, accuracy));
            }
            current.epoch = epoch + 1;
        }
        let end = Trainer::new(&phase, &mut backbone, &mut current, &mut ()).finish(None).unwrap();
        assert_eq!(end.ending, Ending::Complete);
        kept = end.kept.map_or_else(String::new, |kept| kept.place());
        state = Some(current);
    }
    (first(&backbone, fc2), first(&backbone, head_id), kept)
}

#[test]
fn the_best_weights_of_the_whole_run_are_kept() {
    let by = |keep, metric| TrainConfig { keep: Some(keep), metric, ..TrainConfig::default() };
    let best = |metric| by(KeepPolicy::Best, metric);
    let head = [[0.7, 0.5], [0.3, 0.8], [0.4, 0.9]];
    for (train, all, expected) in [
        // Fine-tuning got worse all along: the second epoch of the head, with the body that it was trained on.
        (best(Metric::Loss), [[0.6, 0.8], [0.5, 0.8]], (0.0, 2.0, "epoch 2 of train-head")),
        // It fell, and rose again.
        (best(Metric::Loss), [[0.2, 0.8], [0.5, 0.8]], (4.0, 4.0, "epoch 1 of fine-tune")),
        (best(Metric::Loss), [[0.2, 0.8], [0.1, 0.8]], (5.0, 5.0, "epoch 2 of fine-tune")),
        // Accuracy decides, and the loss where it is the same.
        (best(Metric::Accuracy), [[0.9, 0.8], [0.9, 0.8]], (0.0, 3.0, "epoch 3 of train-head")),
        (best(Metric::Accuracy), [[0.45, 0.9], [0.35, 0.9]], (5.0, 5.0, "epoch 2 of fine-tune")),
        (best(Metric::F1), [[0.9, 0.95], [0.1, 0.8]], (4.0, 4.0, "epoch 1 of fine-tune")),
        (by(KeepPolicy::Last, Metric::Loss), [[0.2, 0.8], [0.5, 0.8]], (5.0, 5.0, "")),
    ] {
        let found = gone_through(&train, &head, &all);
        assert_eq!((found.0, found.1, &*found.2), expected, "{:?} {all:?}", train.metric);
    }
}

#[test]
fn wise_ft_goes_part_of_the_way_from_where_fine_tuning_began() {
    let mut backbone = lenet();
    let (head, fc2) = (backbone.head_id(), backbone.stage("fc2").unwrap());
    let whole = FreezePlan::new(&backbone, &Depth::All, 0.1).unwrap();
    let regularize = RegularizeConfig::default();
    for (ending, expected) in [(None, [3.0, 10.0]), (Some(Ending::Interrupted), [9.0, 4.0])] {
        let (train, plan) = (TrainConfig::default(), &whole);
        let phase = Phase { wise_ft: Some(0.25), ..phase(StepName::FineTune, plan, &train, &regularize) };
        let mut state = TrainingState::new(&phase);
        fill(&backbone, fc2, 1.0);
        fill(&backbone, head, 12.0);
        drop(Trainer::new(&phase, &mut backbone, &mut state, &mut ()));
        fill(&backbone, fc2, 9.0);
        fill(&backbone, head, 4.0);
        (state.epoch, state.ending) = (4, ending);
        let end = Trainer::new(&phase, &mut backbone, &mut state, &mut ()).finish(None).unwrap();
        assert_eq!(end.wise_ft, ending.is_none().then_some(0.25));
        assert_eq!([first(&backbone, fc2), first(&backbone, head)], expected);
    }
}
