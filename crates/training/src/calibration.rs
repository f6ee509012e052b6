//! How far a model's probabilities can be believed, and the temperature that mends them.
//!
//! Networks trained to the end are mostly surer than they are right. Dividing all scores by one number, the temperature,
//! before the softmax mends most of that, and never changes which class is the most probable: C. Guo, G. Pleiss, Y. Sun,
//! K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

use records::{ReliabilityBin, ReliabilityRecord};

#[cfg(test)]
mod tests;

/// Bins of the reliability diagram, as in the paper.
pub const BINS: usize = 15;
/// Fewer validation images than this say too little about a temperature.
pub const FEWEST_IMAGES: usize = 30;
/// Between these a temperature is looked for; an end is taken where the loss still falls there.
const RANGE: (f64, f64) = (0.05, 20.0);

/// Why no temperature was fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfitted {
    /// Nothing to fit on.
    #[error("there are no validation images")]
    NoImages,
    /// Not enough to fit on.
    #[error("there are fewer than {FEWEST_IMAGES} validation images")]
    FewImages,
    /// The loss falls for ever as the temperature goes to zero.
    #[error("every validation image was told rightly, so that nothing bounds the temperature from below")]
    NoMistake,
    /// Scores that are no numbers.
    #[error("a score is not a finite number")]
    NotFinite,
}

/// The scores of a split with its labels.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a> {
    /// Scores before softmax, row by row, `[N, classes]`.
    pub logits: &'a [f32],
    /// Number of classes.
    pub classes: usize,
    /// True labels, `[N]`, each below `classes`.
    pub labels: &'a [i64],
}

impl Scores<'_> {
    /// The temperature at which the mean cross-entropy is lowest, to four decimals.
    ///
    /// # Errors
    /// [`Unfitted`] when the scores do not tell one.
    pub fn temperature(&self) -> Result<f64, Unfitted> {
        match self.rows().count() {
            0 => return Err(Unfitted::NoImages),
            few if few < FEWEST_IMAGES => return Err(Unfitted::FewImages),
            _ => {}
        }
        if !self.logits.iter().all(|score| score.is_finite()) {
            return Err(Unfitted::NotFinite);
        }
        if self.rows().all(|(row, truth)| best(row) == truth) {
            return Err(Unfitted::NoMistake);
        }
        Ok((1e4 / self.best_inverse()).round() / 1e4)
    }

    /// How probabilities at a temperature agree with how often the answers are right.
    #[must_use]
    pub fn reliability(&self, temperature: f64) -> ReliabilityRecord {
        let mut bins = Reliability::default();
        let (mut loss, mut images) = (0.0, 0u64);
        for (row, truth) in self.rows() {
            let class = best(row);
            let all = log_sum(row, temperature);
            bins.add((f64::from(row[class]) / temperature - all).exp(), class == truth);
            loss += all - f64::from(row[truth]) / temperature;
            images += 1;
        }
        ReliabilityRecord { loss: loss / images as f64, error: bins.error(), bins: bins.bins() }
    }

    /// The probability of the best class of each image at a temperature, `[N]`.
    #[must_use]
    pub fn confidences(&self, temperature: f64) -> Vec<f64> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        rows.map(|row| (f64::from(row[best(row)]) / temperature - log_sum(row, temperature)).exp()).collect()
    }

    /// `1 / temperature`, in which the loss is convex: where its slope is zero, by Newton's method, with halving where
    /// that leads out of what is known to hold the zero.
    fn best_inverse(&self) -> f64 {
        let (mut low, mut high) = (1.0 / RANGE.1, 1.0 / RANGE.0);
        if self.slope(low).0 >= 0.0 {
            return low;
        }
        if self.slope(high).0 <= 0.0 {
            return high;
        }
        let mut at = 1.0;
        for _ in 0..100 {
            let (slope, curvature) = self.slope(at);
            if slope > 0.0 {
                high = at;
            } else {
                low = at;
            }
            let newton = at - slope / curvature;
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            if (next - at).abs() <= 1e-12 * at {
                break;
            }
            at = next;
        }
        at
    }

    /// First and second derivative of the mean cross-entropy by the inverse temperature: what the scores are expected to
    /// be less the score of the truth, and their variance.
    fn slope(&self, inverse: f64) -> (f64, f64) {
        let (mut slope, mut curvature, mut images) = (0.0, 0.0, 0u64);
        for (row, truth) in self.rows() {
            let highest = f64::from(row[best(row)]);
            let below = |score: f32| f64::from(score) - highest;
            let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
            for &score in row {
                let weight = (inverse * below(score)).exp();
                sum += weight;
                first += weight * below(score);
                second += weight * below(score).powi(2);
            }
            let mean = first / sum;
            slope += mean - below(row[truth]);
            curvature += second / sum - mean * mean;
            images += 1;
        }
        (slope / images as f64, curvature / images as f64)
    }

    /// The scores of each image with its label.
    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        let truths = self.labels.iter().map(|&label| usize::try_from(label).unwrap_or(usize::MAX));
        rows.zip(truths).filter(|(row, truth)| *truth < row.len())
    }
}

/// Answers sorted into [`BINS`] bins by their probability; each bin holds its upper end and not its lower.
#[derive(Clone, Debug, Default)]
pub struct Reliability {
    images: [u64; BINS],
    right: [u64; BINS],
    confidence: [f64; BINS],
}

impl Reliability {
    /// One answer: its probability, and whether it is right.
    pub fn add(&mut self, confidence: f64, right: bool) {
        // Not a number counts as no confidence at all.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        self.images[bin] += 1;
        self.right[bin] += u64::from(right);
        self.confidence[bin] += confidence;
    }

    /// The expected calibration error; `NaN` without answers.
    #[must_use]
    pub fn error(&self) -> f64 {
        let all: u64 = self.images.iter().sum();
        let off = (0..BINS).map(|bin| (self.right[bin] as f64 - self.confidence[bin]).abs());
        off.sum::<f64>() / all as f64
    }

    fn bins(&self) -> Vec<ReliabilityBin> {
        let bin = |bin: usize| {
            let images = self.images[bin];
            let mean = |sum: f64| (images > 0).then(|| sum / images as f64);
            ReliabilityBin {
                images,
                confidence: mean(self.confidence[bin]),
                accuracy: mean(self.right[bin] as f64),
            }
        };
        (0..BINS).map(bin).collect()
    }
}

/// The cross-entropy of one image, in nats.
#[must_use]
pub fn cross_entropy(logits: &[f32], truth: usize) -> f64 {
    log_sum(logits, 1.0) - f64::from(logits[truth])
}

/// The first of the highest scores.
fn best(row: &[f32]) -> usize {
    let places = 0..row.len();
    places.max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// `ln(sum(exp(score / temperature)))`.
fn log_sum(row: &[f32], temperature: f64) -> f64 {
    let highest = f64::from(row[best(row)]) / temperature;
    highest + row.iter().map(|&score| (f64::from(score) / temperature - highest).exp()).sum::<f64>().ln()
}
