use crate::Images;
use crate::temperature::Logits;

/// What an arm says of the images that one fold held out.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The arm.
    pub arm: usize,
    /// Its answers, in the order of the fold's images.
    pub answers: Answers,
}

/// Answers for held-out images.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// Logits, row by row, `[n, classes]`: the race fits one temperature to those of all folds.
    Logits(Vec<f32>),
    /// Losses at a temperature that is fitted already, and whether each image was classified correctly.
    Judged {
        /// Cross-entropies in nats, `[n]`.
        losses: Vec<f64>,
        /// Whether the most probable class is the label, `[n]`.
        correct: Vec<bool>,
    },
}

/// What is known of an arm: its held-out images over all folds so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Folds, in the order of their measuring.
    pub folds: Vec<usize>,
    /// Indices of the images held out in them.
    pub images: Vec<usize>,
    /// Temperature of the logits; `None` where the answers had one already.
    pub temperature: Option<f64>,
    /// Cross-entropy of each image at that temperature, in nats.
    pub losses: Vec<f64>,
    /// Whether each image was classified correctly.
    pub correct: Vec<bool>,
    logits: Vec<f32>,
    labels: Vec<usize>,
}

impl Measured {
    /// Adds the answers for a fold; logits of all folds get one temperature.
    pub(crate) fn add(&mut self, fold: usize, answers: &Answers, images: &Images) {
        let held_out = images.held_out(fold);
        self.labels.extend(held_out.iter().map(|&image| images.label(image)));
        self.images.extend(held_out);
        self.folds.push(fold);
        match answers {
            Answers::Logits(logits) => {
                self.logits.extend(logits);
                let logits = Logits { values: &self.logits, classes: images.classes(), labels: &self.labels };
                let inverse = logits.inverse_temperature();
                (self.losses, self.correct) = (logits.losses(inverse), logits.correct());
                self.temperature = Some(1.0 / inverse);
            }
            Answers::Judged { losses, correct } => {
                self.losses.extend(losses);
                self.correct.extend(correct);
            }
        }
    }

    /// Share of correct predictions, in `0..=1`; `NaN` before any.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.correct.iter().filter(|correct| **correct).count() as f64 / self.correct.len() as f64
    }

    /// Mean cross-entropy, in nats; `NaN` before any.
    #[must_use]
    pub fn loss(&self) -> f64 {
        statistics::mean(&self.losses)
    }
}

impl Answers {
    /// Whether these are finite answers for this number of images and classes.
    pub(crate) fn fit(&self, images: usize, classes: usize) -> bool {
        match self {
            Self::Logits(logits) => {
                logits.len() == images * classes && logits.iter().all(|logit| logit.is_finite())
            }
            Self::Judged { losses, correct } => {
                losses.len() == images
                    && correct.len() == images
                    && losses.iter().all(|loss| loss.is_finite())
            }
        }
    }
}
