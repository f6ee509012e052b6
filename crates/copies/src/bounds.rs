use statistics::{median, quantile};

/// How alike two images have to be here to be copies.
///
/// It is measured on the images themselves: with pairs that resemble each other and are no copies. Photographs of anything lie
/// far apart; letters, or cells under one microscope, resemble each other so much that hardly anything passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Correlation of aligned pixels from which a pair is a copy by itself.
    pub correlation: f64,
    /// Correlation from which it is one if it is also nearer than [`Bounds::ratio`].
    pub supported: f64,
    /// Distance between features, over the mean distance to the next nine images (Lowe 2004), up to which a pair is near.
    pub ratio: f64,
    /// Median correlation of pairs that are no copies.
    pub usual: f64,
}

/// The least that is asked of photographs.
const CORRELATION: f64 = 0.95;
const SUPPORTED: f64 = 0.85;
/// The most that is allowed.
const RATIO: f64 = 0.7;
/// Robust standard deviations between what is usual and a copy by its pixels, one by pixels and features, a ratio that is near.
const BY_PIXELS: f64 = 6.0;
const BY_BOTH: f64 = 3.5;
const BY_RATIO: f64 = 3.0;
/// Pairs without which nothing is known of what is usual.
const ENOUGH: usize = 20;

impl Bounds {
    /// Sets the bounds by the correlations of pairs that are no copies, and by each image's ratio to its nearest.
    #[must_use]
    pub fn of(correlations: &[f64], ratios: &[f64]) -> Bounds {
        let scaled: Vec<f64> = correlations
            .iter()
            .filter(|value| **value > 0.0)
            .map(|value| value.min(0.999_999).atanh())
            .collect();
        let far = |middle: f64, spread: f64, times: f64| (middle + times * spread).tanh();
        let (correlation, supported, usual) = match middle_and_spread(&scaled) {
            Some([middle, spread]) => {
                let supported = far(middle, spread, BY_BOTH).max(SUPPORTED);
                (far(middle, spread, BY_PIXELS).max(CORRELATION), supported, middle.tanh())
            }
            None => (CORRELATION, CORRELATION, f64::NAN),
        };
        // Turned round, so that the side that counts is the upper one here too.
        let logs: Vec<f64> = ratios.iter().map(|&ratio| -ratio.max(1e-6).ln()).collect();
        let ratio = match middle_and_spread(&logs) {
            Some([middle, spread]) => (-middle - BY_RATIO * spread).exp().min(RATIO),
            None => 0.5,
        };
        Bounds { correlation, supported, ratio, usual }
    }
}

/// Median, and the standard deviation of a normal distribution with the same ninth decile; `None` of too few values. Only one
/// side counts, because pairs that do not lie over one another at all have no correlation.
fn middle_and_spread(values: &[f64]) -> Option<[f64; 2]> {
    let middle = median(values).filter(|_| values.len() >= ENOUGH)?;
    Some([middle, (quantile(values, 0.9)? - middle) / 1.2816])
}
