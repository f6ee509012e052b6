//! Policies that contradict each other. What depends on the data or the network is checked when they are known, in
//! `recipe::gather`.

mod ending;
mod head_solver;
mod lora;

use images::Sampling;
use records::Depth;

use super::{ineffective, is_users_own};
use crate::config::{
    BatchNormPolicy, ClassWeights, Config, ConfigError, HeadPolicy, HeadSolver, LearningRateSchedule,
    SamplerKind, Source, ThawConfig,
};

/// Refuses policies that contradict each other, at the key that asks for the impossible.
pub(super) fn check(config: &Config, source: &Source) -> Result<(), ConfigError> {
    let depth = &config.finetune.depth;
    let found = None
        .or_else(|| of_folds(config))
        .or_else(|| of_depth(config, depth))
        .or_else(|| of_head(config, depth))
        .or_else(|| ending::check(config))
        .or_else(|| head_solver::check(config, depth))
        .or_else(|| lora::check(config, depth))
        .or_else(|| of_rates(config))
        .or_else(|| of_averages(config))
        .or_else(|| of_sampling(config))
        .or_else(|| of_regularizers(config, depth))
        .or_else(|| of_augmentation(config))
        .or_else(|| of_ineffective(config, source));
    found.map_or(Ok(()), |(key, message)| Err(source.wrong(key, message)))
}

/// The key at fault, and what to do.
type Contradiction = (&'static str, String);

fn of_folds(config: &Config) -> Option<Contradiction> {
    let folds = config.data.folds.filter(|_| config.data.fold.is_none() && config.compare.is_none())?;
    let message = format!(
        "a single run has one fold: say which, data.fold = 1 to {folds}; `finetune compare` runs every setting on every fold"
    );
    Some(("data.folds", message))
}

fn of_depth(config: &Config, depth: &Depth) -> Option<Contradiction> {
    let finetune = &config.finetune;
    let refuse = |key, message: &str| Some((key, message.to_owned()));
    match depth {
        Depth::Auto => return of_auto(config),
        Depth::Search => return of_search(config),
        _ => {}
    }
    let stays_frozen = match depth {
        Depth::Head => Some("the depth is \"head\": no other stage is ever trained; use a greater depth"),
        Depth::Scratch => Some(
            "the depth is \"scratch\": random weights have nothing to be gentle with; leave this out, or start from weights",
        ),
        _ => None,
    };
    match (&finetune.thaw, stays_frozen) {
        (Some(_), Some(because)) => return refuse("finetune.thaw", because),
        (Some(ThawConfig { every: None, at }), _) if at.is_empty() => {
            return refuse("finetune.thaw", "say `every = N` epochs, or `at = { STAGE = EPOCH }`");
        }
        (Some(ThawConfig { every: Some(_), at }), _) if !at.is_empty() => {
            return refuse(
                "finetune.thaw.at",
                "`every` and `at` both say when stages thaw; keep one of them",
            );
        }
        _ => {}
    }
    if let Some(because) = stays_frozen
        && finetune.rates.keys().any(|stage| stage != "head")
    {
        return refuse("finetune.rates", because);
    }
    if *depth == Depth::Head {
        if finetune.rates.contains_key("head") {
            let message =
                "the depth is \"head\", and the rate of the head alone is train.learning_rate; set that";
            return refuse("finetune.rates.head", message);
        }
        if finetune.batch_norm == BatchNormPolicy::Frozen {
            let message = "has no effect: the depth is \"head\", and frozen stages keep their statistics always; remove it, or use a greater depth";
            return refuse("finetune.batch_norm", message);
        }
    }
    if *depth == Depth::Scratch && finetune.batch_norm == BatchNormPolicy::Frozen {
        let message =
            "from scratch there are no statistics to keep: the network could not learn any; use \"train\"";
        return refuse("finetune.batch_norm", message);
    }
    None
}

/// Keys about certain stages do not go with a depth that is not known yet.
fn of_auto(config: &Config) -> Option<Contradiction> {
    let finetune = &config.finetune;
    let named = "is about certain stages, and with the depth \"auto\" it is not known yet which are trained; run `finetune advise` first, then name the depth";
    let may_be_idle = "needs stages that are trained, and with the depth \"auto\" it may be the head alone; run `finetune advise` first, then name the depth";
    if finetune.thaw.is_some() {
        return Some(("finetune.thaw", named.to_owned()));
    }
    if !finetune.rates.is_empty() {
        return Some(("finetune.rates", named.to_owned()));
    }
    let idle = [("finetune.wise_ft", finetune.wise_ft.is_some()), ("finetune.lora", finetune.lora.is_some())];
    if let Some((key, _)) = idle.into_iter().find(|(_, given)| *given) {
        return Some((key, may_be_idle.to_owned()));
    }
    config.regularize.needs_depth().map(|key| (key, may_be_idle.to_owned()))
}

/// Keys that the arms of a search set themselves, and keys about certain stages.
fn of_search(config: &Config) -> Option<Contradiction> {
    let Config { finetune, train, regularize, .. } = config;
    let own = "is what a search tries out, and with the depth \"search\" each arm has its own; remove it, or name a depth";
    let named = "is about certain stages, and with the depth \"search\" it is not known yet which are trained; remove it, or name a depth";
    let watches =
        "watches validation images, and a search trains on folds without any; remove it, or name a depth";
    let may_be_idle = "needs stages that are trained, and the head alone is an arm of the search; remove it, or name a depth";
    let keys = [
        ("finetune.rate_scale", finetune.rate_scale.is_some(), own),
        ("finetune.batch_norm", finetune.batch_norm != BatchNormPolicy::Auto, own),
        ("finetune.wise_ft", finetune.wise_ft.is_some(), own),
        ("finetune.cut", finetune.cut.is_some(), own),
        ("finetune.taps", !finetune.taps.is_empty(), own),
        ("finetune.head_solver", finetune.head_solver != HeadSolver::Sgd, own),
        ("finetune.thaw", finetune.thaw.is_some(), named),
        ("finetune.rates", !finetune.rates.is_empty(), named),
        ("finetune.lora", finetune.lora.is_some(), may_be_idle),
        ("regularize.early_stopping", regularize.early_stopping.is_some(), watches),
        ("train.schedule", matches!(train.schedule, LearningRateSchedule::Plateau(_)), watches),
    ];
    let given =
        keys.into_iter().find(|(_, given, _)| *given).map(|(key, _, because)| (key, because.to_owned()));
    given.or_else(|| regularize.needs_depth().map(|key| (key, may_be_idle.to_owned())))
}

fn of_head(config: &Config, depth: &Depth) -> Option<Contradiction> {
    let refuse = |key, message: &str| Some((key, message.to_owned()));
    match config.finetune.head {
        HeadPolicy::New => None,
        HeadPolicy::Keep if *depth == Depth::Scratch => refuse(
            "finetune.head",
            "the depth is \"scratch\": random weights have no head to keep; leave this out, or start from weights",
        ),
        HeadPolicy::Keep if config.regularize.co_tuning.is_some() => refuse(
            "regularize.co_tuning",
            "trains the source's head along with a new one, and with finetune.head = \"keep\" there is no new one; remove one of them",
        ),
        HeadPolicy::Keep => None,
    }
}

fn of_rates(config: &Config) -> Option<Contradiction> {
    let finetune = &config.finetune;
    (finetune.rate_floor.get() > finetune.rate_scale().get()).then(|| {
        let message = format!(
            "lies above finetune.rate_scale = {}, so no stage would ever have its own learning rate",
            finetune.rate_scale()
        );
        ("finetune.rate_floor", message)
    })
}

fn of_averages(config: &Config) -> Option<Contradiction> {
    let train = &config.train;
    if train.ema.is_some() && train.swa_from.is_some() {
        return Some((
            "train.swa_from",
            "the weights are averaged by train.ema already; keep one of them".to_owned(),
        ));
    }
    if train.swa_from.is_some() && config.regularize.early_stopping.is_some() {
        let message = "ends the training where it is at its best, and train.swa_from averages what comes after; keep one of them";
        return Some(("regularize.early_stopping", message.to_owned()));
    }
    None
}

fn of_sampling(config: &Config) -> Option<Contradiction> {
    let train = &config.train;
    let twice = train.sampler == SamplerKind::Balanced && train.class_weights == Some(ClassWeights::Balanced);
    twice.then(|| {
        let message = "the balanced sampler shows every class equally often already; rare classes would count twice over";
        ("train.class_weights", message.to_owned())
    })
}

fn of_regularizers(config: &Config, depth: &Depth) -> Option<Contradiction> {
    let regularize = &config.regularize;
    let refuse = |key, message: &str| Some((key, message.to_owned()));
    if let (Depth::Scratch, Some(key)) = (depth, regularize.needs_source()) {
        return refuse(
            key,
            "asks for what source weights know, and the depth is \"scratch\"; leave it out, or start from weights",
        );
    }
    if let (Depth::Head, Some(key)) = (depth, regularize.needs_depth()) {
        return refuse(
            key,
            "is about features that change, and the depth is \"head\": they cannot; use a greater depth",
        );
    }
    if regularize.l2_sp.is_some() && regularize.delta.is_some() {
        return refuse(
            "regularize.l2_sp",
            "has a pull of its own to the source, and so has regularize.delta; keep one of them",
        );
    }
    if let (Some(pull), Some(decay)) =
        (regularize.l2_sp.map(|_| "l2_sp").or(regularize.delta.map(|_| "delta")), regularize.weight_decay)
        && decay.get() > 0.0
    {
        let message = format!(
            "would pull to zero what regularize.{pull} pulls to the source; remove it, its place is taken"
        );
        return Some(("regularize.weight_decay", message));
    }
    mixing_key(config).filter(|_| config.train.batch_size.get() == 1).and_then(|key| {
        refuse(key, "a batch of one image has no other to mix it with; use a larger train.batch_size")
    })
}

/// The key that asks for images to be mixed, if one does.
fn mixing_key(config: &Config) -> Option<&'static str> {
    let mixing = config.regularize.mixing();
    let key = if mixing.mixup > 0.0 { "regularize.mixup" } else { "regularize.cutmix" };
    mixing.varies().then_some(key)
}

fn of_augmentation(config: &Config) -> Option<Contradiction> {
    let augment = &config.augment;
    if augment.views > 0 && !augment.changes(0).varies() {
        let message = "has no effect where images are not changed: all views would be the same; remove it, or set what changes them";
        return Some(("augment.views", message.to_owned()));
    }
    let turns = augment.rotation.get() > 0.0 || augment.policy.is_some();
    (augment.sampling != Sampling::default() && !turns).then(|| {
        let message = "has no effect where nothing is turned, sheared or shifted; remove it, or set augment.rotation or augment.policy";
        ("augment.sampling", message.to_owned())
    })
}

fn of_ineffective(config: &Config, source: &Source) -> Option<Contradiction> {
    let found =
        ineffective::find(config).into_iter().find(|found| is_users_own(config, source, found.key))?;
    Some((found.key, found.because.to_owned()))
}
