//! From evidence to a depth: the rule, with its thresholds.
//!
//! The thresholds were written down before the runs that docs/advise.md compares them with; that page says what they were
//! drawn from, and how the rule fares.

use report::record::Similarity;

/// A best stage that takes away less than this share of the errors of a probe on pixels is hardly worth transferring.
const LITTLE: f64 = 0.15;
/// Last stages that take away this share of them have seen such pictures before.
const MUCH: f64 = 0.5;
/// Where a probe on what the head reads errs no more often than this, the head is all that needs training.
const FINE: f64 = 0.03;
/// With fewer images of each class than this, stages are not trained for errors up to [`TOLERABLE`].
const FEW: f64 = 20.0;
/// See [`FEW`].
const TOLERABLE: f64 = 0.10;
/// An earlier stage whose probe is better by more than this shows that the stages after it look for other things.
const LOST: f64 = 0.02;

/// What the rule looks at.
#[derive(Clone, Debug)]
pub(super) struct Evidence<'a> {
    /// Accuracy of the probe on pixels.
    pub(super) pixels: f64,
    /// Accuracy of the probe after each stage that has something to train, from input to head.
    pub(super) stages: &'a [f64],
    /// Training images of each class, on average.
    pub(super) images_per_class: f64,
}

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// How many stages before the head to train, from the last one back.
    pub(super) trained: usize,
    /// Their learning rate as a multiple of the head's.
    pub(super) rate_scale: f64,
    /// Why.
    pub(super) because: Because,
    /// How the new pictures relate to the source's.
    pub(super) similarity: Similarity,
    /// Share of the errors on pixels that the best stage takes away.
    pub(super) value: f64,
}

/// The line of the rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// No stage is much better than the pixels.
    LittleValue,
    /// What the head reads is good enough.
    GoodEnough,
    /// It is good enough for so few images.
    FewImages,
    /// An earlier stage, of this position, is better than the last.
    LateStagesLost(usize),
    /// There is much left to learn.
    Headroom,
}

/// Applies the rule.
pub(super) fn decide(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { pixels, stages, images_per_class } = *evidence;
    let last = stages.last().copied().unwrap_or(pixels);
    let (best_place, best) = best(stages).unwrap_or((0, pixels));
    let value = taken_away(pixels, best);
    let error = 1.0 - last;
    let similarity = match value {
        value if value < LITTLE => Similarity::Unlike,
        _ if taken_away(pixels, last) >= MUCH => Similarity::Alike,
        _ => Similarity::Related,
    };
    let (because, trained, rate_scale) = if error <= FINE {
        (Because::GoodEnough, 0, 0.1)
    } else if similarity == Similarity::Unlike {
        (Because::LittleValue, stages.len(), 1.0)
    } else if images_per_class < FEW && error <= TOLERABLE {
        (Because::FewImages, 0, 0.1)
    } else if best - last > LOST {
        (Because::LateStagesLost(best_place), stages.len(), 0.5)
    } else {
        (Because::Headroom, stages.len(), if similarity == Similarity::Alike { 0.1 } else { 0.5 })
    };
    Verdict { trained, rate_scale, because, similarity, value }
}

/// The best stage, the last of several, and its accuracy.
fn best(stages: &[f64]) -> Option<(usize, f64)> {
    stages.iter().copied().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// Share of a probe's errors on pixels that better features take away; 0 where there are none to take.
fn taken_away(pixels: f64, accuracy: f64) -> f64 {
    if pixels < 1.0 { (accuracy - pixels) / (1.0 - pixels) } else { 0.0 }
}
