//! One temperature for the held-out logits of an arm (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
//!
//! Arms differ in how confident they are: a ridge classifier hardly is, a network trained to the end very much so. Dividing an
//! arm's logits by one number before the softmax takes that away, so that losses compare what arms know. The targets are
//! smoothed by `1 / (n + 2)` as by Platt ("Probabilistic outputs for support vector machines", 1999): with few images, all of
//! them classified correctly, nothing else would bound the temperature from below.

/// Bounds of the inverse temperature.
const BOUNDS: [f64; 2] = [0.05, 20.0];
/// Most steps of the root search; Newton's method takes five to ten.
const STEPS: usize = 60;

/// Logits of images, row by row, with their labels.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a> {
    /// Logits before the softmax, `[N, classes]`.
    pub values: &'a [f32],
    /// Number of classes.
    pub classes: usize,
    /// Labels, `[N]`, each below `classes`.
    pub labels: &'a [usize],
}

impl Logits<'_> {
    /// Returns the inverse of the temperature at which the smoothed cross-entropy is lowest, in `0.05..=20`; 1 without images.
    #[must_use]
    pub fn inverse_temperature(&self) -> f64 {
        if self.labels.is_empty() || self.classes < 2 {
            return 1.0;
        }
        let [mut low, mut high] = BOUNDS;
        let mut at = 1.0;
        for _ in 0..STEPS {
            let Slope { first, second } = self.slope(at);
            if first > 0.0 {
                high = at;
            } else {
                low = at;
            }
            let newton = at - first / second;
            let next = if newton > low && newton < high { newton } else { (low * high).sqrt() };
            if (next - at).abs() <= 1e-9 * at {
                break;
            }
            at = next;
        }
        at
    }

    /// Returns the cross-entropy of each image at an inverse temperature, in nats, `[N]`.
    #[must_use]
    pub fn losses(&self, inverse: f64) -> Vec<f64> {
        let loss = |(row, &label): (&[f32], &usize)| {
            let highest = highest(row);
            let sum: f64 = row.iter().map(|&logit| (inverse * (f64::from(logit) - highest)).exp()).sum();
            sum.ln() - inverse * (f64::from(row[label]) - highest)
        };
        self.rows().map(loss).collect()
    }

    /// Returns whether the most probable class of each image is its label, `[N]`. Of equal logits the first counts.
    #[must_use]
    pub fn correct(&self) -> Vec<bool> {
        let correct = |(row, &label): (&[f32], &usize)| {
            let above = row.iter().enumerate();
            !above.clone().any(|(class, &logit)| logit > row[label] || (logit == row[label] && class < label))
        };
        self.rows().map(correct).collect()
    }

    /// Derivatives of the mean smoothed cross-entropy by the inverse temperature.
    fn slope(&self, inverse: f64) -> Slope {
        let count = self.labels.len() as f64;
        let smoothing = 1.0 / (count + 2.0);
        let (mut first, mut second) = (0.0, 0.0);
        for (row, &label) in self.rows() {
            let highest = highest(row);
            let (mut sum, mut mean, mut square, mut others) = (0.0, 0.0, 0.0, 0.0);
            for &logit in row {
                let below = f64::from(logit) - highest;
                let weight = (inverse * below).exp();
                sum += weight;
                mean += weight * below;
                square += weight * below * below;
                others += below;
            }
            let of_label = f64::from(row[label]) - highest;
            let target =
                (1.0 - smoothing) * of_label + smoothing * (others - of_label) / (self.classes as f64 - 1.0);
            mean /= sum;
            first += mean - target;
            second += square / sum - mean * mean;
        }
        Slope { first: first / count, second: second / count }
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], &usize)> {
        self.values.chunks_exact(self.classes.max(1)).zip(self.labels)
    }
}

struct Slope {
    first: f64,
    second: f64,
}

fn highest(row: &[f32]) -> f64 {
    row.iter().copied().fold(f32::NEG_INFINITY, f32::max).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temperature_takes_the_scale_of_logits_away() {
        let values = [2.0f32, 0.0, 0.5, 0.3, 1.0, 1.8, 0.0, 2.2, 1.0, 0.1];
        let labels = [0, 1, 1, 1, 0];
        let scaled: Vec<f32> = values.iter().map(|value| 7.0 * value).collect();
        let plain = Logits { values: &values, classes: 2, labels: &labels };
        let confident = Logits { values: &scaled, ..plain };
        let [one, other] = [plain.inverse_temperature(), confident.inverse_temperature()];
        assert!((one / other - 7.0).abs() < 1e-5, "{one} {other}");
        for (one, other) in plain.losses(one).iter().zip(confident.losses(other)) {
            assert!((one - other).abs() < 1e-5);
        }
        assert_eq!(plain.correct(), [true, false, true, true, true]);
        assert_eq!(plain.correct(), confident.correct());
    }

    #[test]
    fn images_that_are_all_correct_bound_the_temperature_by_their_number() {
        let of = |count: usize| {
            let values = [1.0f32, -1.0].repeat(count);
            Logits { values: &values, classes: 2, labels: &vec![0; count] }.inverse_temperature()
        };
        // p / (1 - p) = exp(2 b) = (n + 1) / 1 in the minimum.
        for count in [10, 200] {
            assert!((of(count) - 0.5 * (count as f64 + 1.0).ln()).abs() < 1e-6, "{}", of(count));
        }
        assert!(Logits { values: &[], classes: 2, labels: &[] }.inverse_temperature() == 1.0);
    }
}
