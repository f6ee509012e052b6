//! Calibration of a model's probabilities, and the temperature that corrects them.
//!
//! Networks trained to the end are mostly more confident than they are accurate. Dividing all scores by one number, the
//! temperature, before the softmax corrects most of that, and never changes which class is the most probable: C. Guo,
//! G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

use records::{ReliabilityBin, ReliabilityRecord};

#[cfg(test)]
mod tests;

/// Number of bins of the reliability diagram, as in the paper.
pub const BINS: usize = 15;
/// Number of validation images below which no temperature is fitted.
pub const FEWEST_IMAGES: usize = 30;
/// Bounds of the temperature; one of them is taken where the loss still falls there.
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
    #[error(
        "every validation image is classified correctly, so that nothing bounds the temperature from below"
    )]
    NoMistake,
    /// Scores that are not finite.
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
    /// Returns the temperature at which the mean cross-entropy is lowest, in `0.05..=20`, to four decimals.
    ///
    /// # Errors
    /// [`Unfitted`] when the scores do not determine one.
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

    /// Returns how probabilities at a temperature agree with accuracy, bin by bin.
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

    /// Returns the probability of the most probable class of each image at a temperature, `[N]`.
    #[must_use]
    pub fn confidences(&self, temperature: f64) -> Vec<f64> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        rows.map(|row| (f64::from(row[best(row)]) / temperature - log_sum(row, temperature)).exp()).collect()
    }

    /// Returns the probability of each class at a temperature, row by row, `[N, classes]`.
    #[must_use]
    pub fn probabilities(&self, temperature: f64) -> Vec<f64> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        let of_row = |row: &[f32]| {
            let all = log_sum(row, temperature);
            row.iter().map(|&score| (f64::from(score) / temperature - all).exp()).collect::<Vec<_>>()
        };
        rows.flat_map(of_row).collect()
    }

    /// Returns `1 / temperature`, in which the loss is convex: where its slope is zero, by Newton's method, with bisection
    /// where that leaves the interval known to hold the zero.
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

    /// Returns the first and second derivative of the mean cross-entropy by the inverse temperature: the expected score less
    /// the score of the label, and the variance of the scores.
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

    /// Returns the scores of each image with its label.
    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        let truths = self.labels.iter().map(|&label| usize::try_from(label).unwrap_or(usize::MAX));
        rows.zip(truths).filter(|(row, truth)| *truth < row.len())
    }
}

/// Predictions sorted into [`BINS`] bins by their probability; each bin holds its upper end and not its lower.
#[derive(Clone, Debug, Default)]
pub struct Reliability {
    images: [u64; BINS],
    right: [u64; BINS],
    confidence: [f64; BINS],
}

impl Reliability {
    /// Adds a prediction: its probability, and whether it is correct.
    pub fn add(&mut self, confidence: f64, right: bool) {
        // NaN counts as no confidence at all.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        self.images[bin] += 1;
        self.right[bin] += u64::from(right);
        self.confidence[bin] += confidence;
    }

    /// Returns the expected calibration error, in `0..=1`; `NaN` without predictions.
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

/// Returns the first of the highest scores.
fn best(row: &[f32]) -> usize {
    let places = 0..row.len();
    places.max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a))).unwrap_or(0)
}

/// Returns `ln(sum(exp(score / temperature)))`.
fn log_sum(row: &[f32], temperature: f64) -> f64 {
    let highest = f64::from(row[best(row)]) / temperature;
    highest + row.iter().map(|&score| (f64::from(score) / temperature - highest).exp()).sum::<f64>().ln()
}
