//! From evidence to a depth: the rule, with its thresholds.
//!
//! The thresholds were written down before the runs that docs/search.md compares them with; that page says what they were
//! drawn from, and how the rule fares. The line about an earlier end came later, from development sets.

use records::Similarity;

/// Error rate of the probe on the head's input up to which a new head is enough.
const FINE: f64 = 0.03;
/// Share of the errors of the probe on pixels below which the last stages detect other things.
const UNLIKE: f64 = 0.15;
/// Share of them from which on the source's images are alike.
const ALIKE: f64 = 0.5;
/// Share of them below which the best stage is hardly worth transferring.
const LITTLE: f64 = 0.25;
/// Parameters before the head per training image above which a network cannot learn what its weights do not know.
const LARGE: f64 = 3000.0;
/// Training images of each class up to which a frozen earlier stage is better than training, where it is better than the last.
const FEW_OF_EACH: f64 = 50.0;
/// Training images below which the probes are too rough to show similarity, or an earlier end to alike images.
const SCANT: f64 = 30.0;
/// Training images from which on all stages gain from training, where the source's images are alike.
const MANY: f64 = 1000.0;
/// Stages before the head that are trained where images are fewer.
const LAST: usize = 2;
/// Learning rates as multiples of the head's: for alike images, few and many; for related images; for weights that are little
/// more than a starting point.
const GENTLE: f64 = 0.1;
const FIRM: f64 = 0.3;
const BOLD: f64 = 0.5;
const FULL: f64 = 1.0;

/// Evidence that the rule uses.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Accuracy of the probe on pixels.
    pub pixels: f64,
    /// Accuracy of the probe after each stage that has something to train, from input to head.
    pub stages: &'a [f64],
    /// Number of training images.
    pub images: f64,
    /// Number of classes.
    pub classes: f64,
    /// Number of parameters of the network before the head.
    pub parameters: f64,
    /// Whether a linear classifier on an earlier stage, or on several, is better than on the last one by more than one
    /// standard error, and the network may end there.
    pub earlier: bool,
}

/// Result of the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Number of stages before the head to train, from the last one back.
    pub trained: usize,
    /// Their learning rate as a multiple of the head's.
    pub rate_scale: f64,
    /// Why.
    pub because: Because,
    /// How the new images relate to the source's.
    pub similarity: Similarity,
    /// Share of the errors on pixels that the best stage takes away.
    pub value: f64,
}

/// The line of the rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// What the head reads is good enough.
    GoodEnough,
    /// The new images are few, and an earlier end is better.
    EndsEarlier,
    /// The source's images are unlike or related, and the new ones are few for a network of this size.
    TooLarge,
    /// No stage is much better than the pixels.
    LittleValue,
    /// The last stages detect other things; the index of the best stage.
    LateStagesLost(usize),
    /// There are too few images to show similarity.
    TooFew,
    /// The source's images are alike, and the new ones are few.
    FewImages,
    /// The source's images are alike, and the new ones are many.
    ManyImages,
    /// The source's images are related.
    Related,
}

impl Verdict {
    /// Whether no stage is worth much more than the pixels, where that has a part in what is advised.
    pub fn little_value(&self) -> bool {
        let says_it = matches!(self.because, Because::LittleValue | Because::TooLarge);
        says_it && self.similarity == Similarity::Unlike && self.value < LITTLE
    }
}

/// Applies the rule to the evidence. Pure.
pub fn apply_rule(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { pixels, stages, images, classes, parameters, earlier } = *evidence;
    let too_large = parameters > LARGE * images;
    let few_of_each = images <= FEW_OF_EACH * classes;
    let last = stages.last().copied().unwrap_or(pixels);
    let (best_place, best) = best(stages).unwrap_or((0, pixels));
    let value = taken_away(pixels, best);
    let similarity = match taken_away(pixels, last) {
        share if share < UNLIKE => Similarity::Unlike,
        share if share < ALIKE => Similarity::Related,
        _ => Similarity::Alike,
    };
    let all = stages.len();
    let (because, trained, rate_scale) = match similarity {
        _ if 1.0 - last <= FINE => (Because::GoodEnough, 0, GENTLE),
        Similarity::Unlike | Similarity::Related if images < SCANT => {
            (Because::TooFew, all.min(LAST), GENTLE)
        }
        Similarity::Unlike | Similarity::Related
            if earlier && (too_large || (value >= LITTLE && few_of_each)) =>
        {
            (Because::EndsEarlier, 0, GENTLE)
        }
        Similarity::Alike if earlier && few_of_each && images >= SCANT => (Because::EndsEarlier, 0, GENTLE),
        Similarity::Unlike | Similarity::Related if too_large => (Because::TooLarge, 0, GENTLE),
        Similarity::Unlike if value < LITTLE => (Because::LittleValue, all, FULL),
        Similarity::Unlike => (Because::LateStagesLost(best_place), all, FULL),
        Similarity::Related => (Because::Related, all, BOLD),
        Similarity::Alike if images >= MANY => (Because::ManyImages, all, FIRM),
        Similarity::Alike => (Because::FewImages, all.min(LAST), GENTLE),
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
