//! Numbers of `[regularize]` and `[augment]` that make no sense.

use super::check::{Check, not_negative, positive};
use super::{AugmentConfig, RegularizeConfig};

const NOT_NEGATIVE: &str = "must be at least 0";
const POSITIVE: &str = "must be above 0";
const BELOW_ONE: &str = "must be at least 0 and below 1";
const SHARE: &str = "must lie between 0 and 1";
const BOX: &str = "scale and ratio are [smallest, largest], above 0, and a scale is at most 1";

/// What RandAugment counts its strengths up to.
const STRONGEST: u32 = 30;
/// More operations in a row leave nothing to see.
const MOST_OPERATIONS: u32 = 100;

pub(super) fn of_regularizers(regularize: &RegularizeConfig) -> Vec<Check> {
    let below_one = |rate: f64| (0.0..1.0).contains(&rate);
    let (l2_sp, delta) = (regularize.l2_sp.unwrap_or_default(), regularize.delta.unwrap_or_default());
    let (shrinkage, co_tuning) =
        (regularize.spectral_shrinkage.unwrap_or_default(), regularize.co_tuning.unwrap_or_default());
    vec![
        ("regularize.weight_decay", regularize.weight_decay.is_none_or(not_negative), NOT_NEGATIVE),
        ("regularize.l1", not_negative(regularize.l1), NOT_NEGATIVE),
        ("regularize.max_norm", regularize.max_norm.is_none_or(positive), POSITIVE),
        ("regularize.label_smoothing", below_one(regularize.label_smoothing), BELOW_ONE),
        ("regularize.mixup", not_negative(regularize.mixup), NOT_NEGATIVE),
        ("regularize.cutmix", not_negative(regularize.cutmix), NOT_NEGATIVE),
        ("regularize.dropout", regularize.dropout.is_none_or(below_one), BELOW_ONE),
        ("regularize.stochastic_depth", regularize.stochastic_depth.is_none_or(below_one), BELOW_ONE),
        ("regularize.early_stopping", regularize.early_stopping != Some(0), "must be at least 1 epoch"),
        ("regularize.l2_sp.alpha", not_negative(l2_sp.alpha), NOT_NEGATIVE),
        ("regularize.l2_sp.beta", not_negative(l2_sp.beta), NOT_NEGATIVE),
        ("regularize.delta.alpha", not_negative(delta.alpha), NOT_NEGATIVE),
        ("regularize.delta.beta", not_negative(delta.beta), NOT_NEGATIVE),
        ("regularize.spectral_shrinkage.eta", not_negative(shrinkage.eta), NOT_NEGATIVE),
        ("regularize.spectral_shrinkage.k", shrinkage.k > 0, "must be at least 1"),
        ("regularize.co_tuning.lambda", not_negative(co_tuning.lambda), NOT_NEGATIVE),
        ("regularize.co_tuning.scale", co_tuning.scale.is_none_or(positive), POSITIVE),
    ]
}

pub(super) fn of_augmentation(augment: &AugmentConfig) -> Vec<Check> {
    let share = |value: f64| (0.0..=1.0).contains(&value);
    let is_box = |scale: (f64, f64), ratio: (f64, f64)| {
        let ordered = |(low, high): (f64, f64)| positive(low) && low <= high && high.is_finite();
        ordered(scale) && scale.1 <= 1.0 && ordered(ratio)
    };
    let jitter = augment.color_jitter.unwrap_or_default();
    let (random, erasing) = (augment.randaugment.unwrap_or_default(), augment.erasing.unwrap_or_default());
    let crop_is_box = augment.resized_crop.is_none_or(|crop| is_box(crop.scale, crop.ratio));
    vec![
        ("augment.horizontal_flip", share(augment.horizontal_flip), SHARE),
        ("augment.rotation", (0.0..=180.0).contains(&augment.rotation), "must lie between 0 and 180 degrees"),
        ("augment.resized_crop", crop_is_box, BOX),
        (
            "augment.randaugment.operations",
            (1..=MOST_OPERATIONS).contains(&random.operations),
            "must lie between 1 and 100",
        ),
        ("augment.randaugment.magnitude", random.magnitude <= STRONGEST, "must be at most 30"),
        ("augment.color_jitter.brightness", not_negative(jitter.brightness), NOT_NEGATIVE),
        ("augment.color_jitter.contrast", not_negative(jitter.contrast), NOT_NEGATIVE),
        ("augment.color_jitter.saturation", not_negative(jitter.saturation), NOT_NEGATIVE),
        ("augment.color_jitter.hue", (0.0..=0.5).contains(&jitter.hue), "must lie between 0 and 0.5"),
        ("augment.erasing.probability", share(erasing.probability), SHARE),
        ("augment.erasing", is_box(erasing.scale, erasing.ratio), BOX),
    ]
}
