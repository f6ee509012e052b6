//! From evidence to a depth: the rule, with its thresholds.
//!
//! The thresholds were written down before the runs that docs/advise.md compares them with; that page says what they were
//! drawn from, and how the rule fares.

use records::Similarity;

/// Where a probe on what the head reads errs no more often than this, a new head is all that is needed.
const FINE: f64 = 0.03;
/// Last stages that take away less than this share of the errors of a probe on pixels have learned to look for other
/// things.
const UNLIKE: f64 = 0.15;
/// Last stages that take away this share of them have seen such images before.
const ALIKE: f64 = 0.5;
/// A best stage that takes away less than this share is hardly worth transferring.
const LITTLE: f64 = 0.25;
/// A network with more parameters before the head than this for each training image cannot be taught things that its
/// weights do not know.
const LARGE: f64 = 3000.0;
/// With fewer training images than this the probes are too rough to distinguish unlike images from alike ones.
const SCANT: f64 = 30.0;
/// With this many training images, all stages of a network that has seen such images before gain from training.
const MANY: f64 = 1000.0;
/// Stages before the head that are trained where images are fewer.
const LAST: usize = 2;
/// Rates as multiples of the head's: for weights that know such images, with few images and with many; for weights that
/// know related ones; for weights that are little more than a starting point.
const GENTLE: f64 = 0.1;
const FIRM: f64 = 0.3;
const BOLD: f64 = 0.5;
const FULL: f64 = 1.0;

/// What the rule looks at.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Accuracy of the probe on pixels.
    pub pixels: f64,
    /// Accuracy of the probe after each stage that has something to train, from input to head.
    pub stages: &'a [f64],
    /// Training images.
    pub images: f64,
    /// Their classes.
    pub classes: f64,
    /// Parameters of the network before the head.
    pub parameters: f64,
}

/// What the rule decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// How many stages before the head to train, from the last one back.
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
    /// The source has not seen such images, and they are few for a network of this size.
    TooLarge,
    /// No stage is much better than the pixels.
    LittleValue,
    /// The last stages look for other things; the best has this position.
    LateStagesLost(usize),
    /// There are too few to measure how much the images are like the source's.
    TooFew,
    /// The source has seen such images, and there are few.
    FewImages,
    /// The source has seen such images, and there are many.
    ManyImages,
    /// The source has seen something like them.
    Related,
}

impl Verdict {
    /// Whether no stage is worth much more than the pixels, where that has a part in what is advised.
    pub fn little_value(&self) -> bool {
        let says_it = matches!(self.because, Because::LittleValue | Because::TooLarge);
        says_it && self.similarity == Similarity::Unlike && self.value < LITTLE
    }
}

/// Applies the rule.
pub fn decide(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { pixels, stages, images, parameters, .. } = *evidence;
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
        Similarity::Unlike | Similarity::Related if parameters > LARGE * images => {
            (Because::TooLarge, 0, GENTLE)
        }
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
