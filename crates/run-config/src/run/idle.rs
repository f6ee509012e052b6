//! Values without effect. Who gives one is told; where a comparison or an advice puts it beside what it does not go with, it is
//! left out.

use records::Depth;
use regularize::Decay;

use crate::config::{
    AdamConfig, Config, FinetuneConfig, OptimizerKind, RmsPropConfig, ScheduleKind, SgdConfig,
};

/// A value without effect.
pub(super) struct Idle {
    pub(super) key: &'static str,
    pub(super) because: &'static str,
    /// Puts the usual value in its place.
    pub(super) forget: fn(&mut Config),
}

/// The values without effect that are not the usual ones: those are written into every configuration that is kept.
pub(super) fn find(config: &Config, depth: &Depth) -> Vec<Idle> {
    let mut found = of_rates(config, depth);
    found.extend(of_momentum(config));
    let regularize = &config.regularize;
    if *depth == Depth::Head && regularize.stochastic_depth.is_some() {
        found.push(Idle {
            key: "regularize.stochastic_depth",
            because: "has no effect: the depth is \"head\", and frozen stages skip nothing; remove it, or use a greater depth",
            forget: |config| config.regularize.stochastic_depth = None,
        });
    }
    if regularize.decay == Decay::All && regularize.weight_decay() == 0.0 && regularize.l1 == 0.0 {
        found.push(Idle {
            key: "regularize.decay",
            because: "has no effect: neither regularize.weight_decay nor regularize.l1 is above 0; remove it, or set one of them",
            forget: |config| config.regularize.decay = Decay::default(),
        });
    }
    found
}

/// Rates of stages, where none has another rate than the head.
fn of_rates(config: &Config, depth: &Depth) -> Vec<Idle> {
    let because = match depth {
        Depth::Head => {
            "has no effect: the depth is \"head\", and no other stage is ever trained; remove it, or use a greater depth"
        }
        Depth::Scratch => {
            "has no effect: the depth is \"scratch\", and random weights are all trained at train.learning_rate; remove it, or name stages in finetune.rates"
        }
        _ => return Vec::new(),
    };
    let (given, usual) = (&config.finetune, FinetuneConfig::default());
    let mut found = Vec::new();
    let mut look = |differs: bool, key, forget: fn(&mut Config)| {
        found.extend(differs.then_some(Idle { key, because, forget }));
    };
    look(given.rate_scale() != usual.rate_scale(), "finetune.rate_scale", |config| {
        config.finetune.rate_scale = None;
    });
    look(given.rate_decay != usual.rate_decay, "finetune.rate_decay", |config| {
        config.finetune.rate_decay = FinetuneConfig::default().rate_decay;
    });
    look(given.rate_floor != usual.rate_floor, "finetune.rate_floor", |config| {
        config.finetune.rate_floor = FinetuneConfig::default().rate_floor;
    });
    found
}

/// The optimizer's own momentum, where the schedule moves it.
fn of_momentum(config: &Config) -> Option<Idle> {
    let train = &config.train;
    let idle = |key, forget| Idle {
        key,
        because: "has no effect with train.schedule = \"one-cycle\", which moves it between the numbers of train.one_cycle.momentum; set those",
        forget,
    };
    if train.schedule != ScheduleKind::OneCycle {
        return None;
    }
    match train.optimizer {
        OptimizerKind::Sgd => {
            let differs = train.sgd.is_some_and(|sgd| sgd.momentum != SgdConfig::default().momentum);
            differs
                .then(|| idle("train.sgd.momentum", |config| config.train.sgd = Some(SgdConfig::default())))
        }
        OptimizerKind::Adam | OptimizerKind::AdamW => {
            let differs = train.adam.is_some_and(|adam| adam.beta1 != AdamConfig::default().beta1);
            differs.then(|| {
                idle("train.adam.beta1", |config| {
                    if let Some(adam) = &mut config.train.adam {
                        adam.beta1 = AdamConfig::default().beta1;
                    }
                })
            })
        }
        OptimizerKind::RmsProp => {
            let usual = RmsPropConfig::default().momentum;
            let differs = train.rmsprop.is_some_and(|rmsprop| rmsprop.momentum != usual);
            differs.then(|| {
                idle("train.rmsprop.momentum", |config| {
                    if let Some(rmsprop) = &mut config.train.rmsprop {
                        rmsprop.momentum = RmsPropConfig::default().momentum;
                    }
                })
            })
        }
    }
}
