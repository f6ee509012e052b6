//! Keys that have no effect: an error where the user set them, reset where a comparison or `advise` put them together with
//! what they do not go with.

use ranged::NotNegative;
use records::Depth;
use regularize::Decay;

use crate::config::{
    Config, FinetuneConfig, HeadSolver, KeepPolicy, LearningRateSchedule, Metric, RegularizeConfig,
    SamplerKind,
};

/// A key that has no effect.
pub(super) struct Ineffective {
    pub(super) key: &'static str,
    pub(super) because: &'static str,
    /// Gives it its default.
    pub(super) reset: fn(&mut Config),
}

/// Returns the keys without effect whose value is not the default: defaults are written into every configuration that is
/// kept.
pub(super) fn find(config: &Config) -> Vec<Ineffective> {
    let mut found = of_rates(config);
    found.extend(of_momentum(config));
    found.extend(of_steps(config));
    let regularize = &config.regularize;
    if matches!(config.finetune.depth, Depth::Head | Depth::Scratch) {
        let because = "has no effect: with this depth nothing of the source is fine-tuned; remove it, or use another depth";
        let mut add = |given: bool, key, reset: fn(&mut Config)| {
            found.extend(given.then_some(Ineffective { key, because, reset }));
        };
        add(config.finetune.wise_ft.is_some(), "finetune.wise_ft", |config| config.finetune.wise_ft = None);
        add(config.finetune.lora.is_some(), "finetune.lora", |config| config.finetune.lora = None);
    }
    let judges = config.train.keep != Some(KeepPolicy::Last) || regularize.early_stopping.is_some();
    if config.train.metric != Metric::Loss && !judges {
        found.push(Ineffective {
            key: "train.metric",
            because: "has no effect: train.keep is \"last\", and without regularize.early_stopping nothing is judged; remove it, or keep the best",
            reset: |config| config.train.metric = Metric::Loss,
        });
    }
    if config.finetune.depth == Depth::Head && regularize.stochastic_depth.is_some() {
        found.push(Ineffective {
            key: "regularize.stochastic_depth",
            because: "has no effect: the depth is \"head\", and frozen stages skip nothing; remove it, or use a greater depth",
            reset: |config| config.regularize.stochastic_depth = None,
        });
    }
    let decays =
        [regularize.weight_decay(), regularize.l1].iter().any(|&strength| strength != NotNegative::ZERO);
    if regularize.decay == Decay::All && !decays {
        found.push(Ineffective {
            key: "regularize.decay",
            because: "has no effect: neither regularize.weight_decay nor regularize.l1 is above 0; remove it, or set one of them",
            reset: |config| config.regularize.decay = Decay::default(),
        });
    }
    found
}

/// Learning rates of stages, where none has another one than the head.
fn of_rates(config: &Config) -> Vec<Ineffective> {
    let because = match config.finetune.depth {
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
    let mut add = |differs: bool, key, reset: fn(&mut Config)| {
        found.extend(differs.then_some(Ineffective { key, because, reset }));
    };
    let scaled = given.rate_scale.is_some_and(|scale| scale != usual.rate_scale());
    add(scaled, "finetune.rate_scale", |config| {
        config.finetune.rate_scale = None;
    });
    add(given.rate_decay != usual.rate_decay, "finetune.rate_decay", |config| {
        config.finetune.rate_decay = FinetuneConfig::default().rate_decay;
    });
    add(given.rate_floor != usual.rate_floor, "finetune.rate_floor", |config| {
        config.finetune.rate_floor = FinetuneConfig::default().rate_floor;
    });
    found
}

/// What is about training steps, where the head is computed.
fn of_steps(config: &Config) -> Vec<Ineffective> {
    let Config { finetune, train, regularize, .. } = config;
    let mut found = Vec::new();
    let mut add = |is_set: bool, key, because, reset: fn(&mut Config)| {
        found.extend(is_set.then_some(Ineffective { key, because, reset }));
    };
    if finetune.head_solver == HeadSolver::Sgd {
        return found;
    }
    let because = "has no effect: the head is computed by finetune.head_solver, in no epochs; remove it, or use \"sgd\"";
    add(
        finetune.head_epochs != FinetuneConfig::default().head_epochs,
        "finetune.head_epochs",
        because,
        |config| {
            config.finetune.head_epochs = FinetuneConfig::default().head_epochs;
        },
    );
    if finetune.depth != Depth::Head {
        return found;
    }
    let because = "has no effect: the depth is \"head\", and finetune.head_solver computes the head without a training step; remove it, or use \"sgd\"";
    add(regularize.dropout.is_some_and(|rate| rate.get() > 0.0), "regularize.dropout", because, |config| {
        config.regularize.dropout = None;
    });
    add(regularize.label_smoothing.get() > 0.0, "regularize.label_smoothing", because, |config| {
        config.regularize.label_smoothing = RegularizeConfig::default().label_smoothing;
    });
    add(regularize.l1 != NotNegative::ZERO, "regularize.l1", because, |config| {
        config.regularize.l1 = NotNegative::ZERO;
    });
    add(regularize.early_stopping.is_some(), "regularize.early_stopping", because, |config| {
        config.regularize.early_stopping = None;
    });
    add(train.ema.is_some(), "train.ema", because, |config| config.train.ema = None);
    add(train.swa_from.is_some(), "train.swa_from", because, |config| config.train.swa_from = None);
    add(train.sampler == SamplerKind::Balanced, "train.sampler", because, |config| {
        config.train.sampler = SamplerKind::Shuffle;
    });
    add(train.class_weights.is_some(), "train.class_weights", because, |config| {
        config.train.class_weights = None;
    });
    found
}

/// The optimizer's own momentum, where the schedule sets it.
fn of_momentum(config: &Config) -> Option<Ineffective> {
    if !matches!(config.train.schedule, LearningRateSchedule::OneCycle(_)) {
        return None;
    }
    let mut optimizer = config.train.optimizer;
    let own = optimizer.own_momentum();
    (*own.value != own.default).then_some(Ineffective {
        key: own.key,
        because: "has no effect with train.schedule = \"one-cycle\", which moves it between the two numbers of train.schedule.momentum; set those",
        reset: |config| {
            let own = config.train.optimizer.own_momentum();
            *own.value = own.default;
        },
    })
}
