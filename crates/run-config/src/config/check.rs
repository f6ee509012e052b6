//! Numbers that make no sense by themselves.

use std::path::{Component, Path};

use pretrained::PartialInput;

use super::check_overfitting::{of_augmentation, of_regularizers};
use super::{ClassWeights, CompareConfig, Config, ConfigError, Source, TrainConfig, slug};

/// More make nothing faster, and far more make libtorch end the program.
const MOST_THREADS: u32 = 1024;

/// Refuses numbers that make no sense, before anything is loaded.
pub(crate) fn check(config: &Config, source: &Source) -> Result<(), ConfigError> {
    let Config { data, finetune, augment, regularize, train, run, compare, .. } = config;
    let fraction = 0.0..1.0;
    let share = 0.0..=1.0;
    let checks = [
        (
            "data.root",
            [&data.root, &data.list].into_iter().flatten().any(|path| !path.as_os_str().is_empty()),
            "give the folder with the images here, or a list of them as data.list",
        ),
        (
            "data.validation_fraction",
            fraction.contains(&data.validation_fraction),
            "must be at least 0 and below 1",
        ),
        ("data.images_per_class", data.images_per_class != Some(0), "must be at least 1"),
        ("data.max_unreadable", share.contains(&data.max_unreadable), "must lie between 0 and 1"),
        (
            "data.input",
            data.input.as_ref().is_none_or(goes_together),
            "resize and crop stand together where fit is \"crop\": give both",
        ),
        ("finetune.rate_scale", positive(finetune.rate_scale()), "must be above 0"),
        ("finetune.rate_decay", positive(finetune.rate_decay), "must be above 0"),
        ("finetune.rate_floor", not_negative(finetune.rate_floor), "must be at least 0"),
        (
            "run.name",
            run.name.as_deref().is_none_or(is_plain),
            "must be the name of one folder; --out takes a path",
        ),
        ("run.threads", run.threads <= MOST_THREADS, "must be at most 1024"),
        (
            "compare.seeds",
            compare.as_ref().is_none_or(|compare| !compare.seeds.is_empty()),
            "name at least one seed",
        ),
        (
            "compare.seeds",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.seeds)),
            "a seed is named twice",
        ),
        (
            "compare.methods",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.methods)),
            "a method is named twice",
        ),
        (
            "compare.images_per_class",
            compare.as_ref().is_none_or(|compare| all_differ(&compare.images_per_class)),
            "a number is named twice",
        ),
        (
            "compare.methods",
            compare.as_ref().is_none_or(|compare| !compare.methods.is_empty()),
            "name at least one method",
        ),
        (
            "compare.images_per_class",
            compare.as_ref().is_none_or(|compare| !compare.images_per_class.contains(&0)),
            "must be at least 1 each",
        ),
        (
            "compare.variant",
            compare.as_ref().is_none_or(|compare| all_differ(&folder_names(compare))),
            "two variants have the same name, or names that differ only in signs",
        ),
        (
            "compare.setting",
            compare.as_ref().is_none_or(|compare| all_differ(&setting_folders(compare))),
            "two settings have the same name, or names that differ only in signs",
        ),
        (
            "compare.judge_on",
            compare
                .as_ref()
                .and_then(|compare| compare.judge_on.as_ref())
                .is_none_or(|group| data.groups.contains_key(group)),
            "must be the name of a group in [data.groups]",
        ),
    ];
    if let Some((key, _, message)) = checks
        .iter()
        .chain(&of_training(train))
        .chain(&of_regularizers(regularize))
        .chain(&of_augmentation(augment))
        .find(|(_, fine, _)| !fine)
    {
        return Err(source.wrong(key, *message));
    }
    for (stage, &rate) in &finetune.rates {
        if !positive(rate) {
            let message = "must be above 0; a stage stays frozen through finetune.depth";
            return Err(source.wrong(&format!("finetune.rates.{stage}"), message));
        }
    }
    if let Some(ClassWeights::PerClass(weights)) = &train.class_weights {
        for (class, &weight) in weights {
            if !not_negative(weight) {
                return Err(source.wrong(&format!("train.class_weights.{class}"), "must be at least 0"));
            }
        }
    }
    Ok(())
}

/// A key, whether its value makes sense, and what to say when it does not.
pub(super) type Check = (&'static str, bool, &'static str);

fn of_training(train: &TrainConfig) -> Vec<Check> {
    let below_one = |value: f64| (0.0..1.0).contains(&value);
    let (sgd, adam) = (train.sgd.unwrap_or_default(), train.adam.unwrap_or_default());
    let (rmsprop, step) = (train.rmsprop.unwrap_or_default(), train.step.unwrap_or_default());
    let (cycle, plateau) = (train.one_cycle.unwrap_or_default(), train.plateau.unwrap_or_default());
    let fraction = "must be at least 0 and below 1";
    vec![
        ("train.epochs", train.epochs > 0, "must be at least 1"),
        ("train.batch_size", train.batch_size > 0, "must be at least 1"),
        ("train.accumulate", train.accumulate > 0, "must be at least 1 batch"),
        ("train.learning_rate", positive(train.learning_rate), "must be above 0"),
        ("train.warmup_epochs", not_negative(train.warmup_epochs), "must be at least 0"),
        ("train.clip_norm", train.clip_norm.is_none_or(positive), "must be above 0"),
        ("train.clip_value", train.clip_value.is_none_or(positive), "must be above 0"),
        ("train.ema", train.ema.is_none_or(|decay| decay > 0.0 && decay < 1.0), "must lie between 0 and 1"),
        ("train.swa_from", train.swa_from != Some(0), "epochs count from 1"),
        ("train.sgd.momentum", below_one(sgd.momentum), fraction),
        ("train.adam.beta1", below_one(adam.beta1), fraction),
        ("train.adam.beta2", below_one(adam.beta2), fraction),
        ("train.adam.epsilon", positive(adam.epsilon), "must be above 0"),
        ("train.rmsprop.alpha", below_one(rmsprop.alpha), fraction),
        ("train.rmsprop.momentum", below_one(rmsprop.momentum), fraction),
        ("train.rmsprop.epsilon", positive(rmsprop.epsilon), "must be above 0"),
        ("train.step.every", step.every > 0, "must be at least 1 epoch"),
        ("train.step.factor", positive(step.factor), "must be above 0"),
        ("train.one_cycle.rising", cycle.rising > 0.0 && cycle.rising < 1.0, "must lie between 0 and 1"),
        ("train.one_cycle.divisor", positive(cycle.divisor), "must be above 0"),
        ("train.one_cycle.final_divisor", positive(cycle.final_divisor), "must be above 0"),
        ("train.one_cycle.momentum", below_one(cycle.momentum.0) && below_one(cycle.momentum.1), fraction),
        ("train.plateau.factor", plateau.factor > 0.0 && plateau.factor < 1.0, "must lie between 0 and 1"),
        ("train.plateau.threshold", below_one(plateau.threshold), fraction),
        ("train.plateau.floor", below_one(plateau.floor), fraction),
    ]
}

/// Whether the weights' `resize` is not mixed with another `crop`, nor the other way about.
fn goes_together(input: &PartialInput) -> bool {
    let whole = input.fit.is_some_and(|fit| !fit.is_crop());
    whole || input.resize.is_some() == input.crop.is_some()
}

pub(super) fn positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

pub(super) fn not_negative(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

/// Whether a name is that of one folder: no path, and not `..`.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

/// What the variants' names become in the names of folders.
fn folder_names(compare: &CompareConfig) -> Vec<String> {
    compare.variants.iter().map(|variant| slug(&variant.name)).collect()
}

/// What the settings' names become in the names of folders.
fn setting_folders(compare: &CompareConfig) -> Vec<String> {
    compare.settings.iter().map(|setting| slug(&setting.name)).collect()
}

fn all_differ<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().all(|(place, value)| !values[..place].contains(value))
}
