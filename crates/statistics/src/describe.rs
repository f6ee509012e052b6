/// Arithmetic mean; `NaN` of no values. As `numpy.mean`, summed from first to last.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sample standard deviation, with `n - 1` in the denominator as `numpy.std(values, ddof=1)`; `0.0` of fewer than two
/// values.
#[must_use]
pub fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// Median: the middle value, of an even count the midpoint of the middle two, as `numpy.median`. `None` of no values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Value below which this share of the values lies, interpolated between neighbours as `numpy.quantile` does by default.
/// A share outside `0..=1` counts as the nearer end. `None` of no values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = share.clamp(0.0, 1.0) * last as f64;
    // A share that is not a number becomes position 0.
    let below = position.floor() as usize;
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    let fraction = position - below as f64;
    // Equal neighbours, which may be infinite, need no interpolation.
    Some(if fraction == 0.0 || low == high { low } else { low + fraction * (high - low) })
}

/// Values without repetitions, in the order in which each occurs first.
pub fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpolation_ends_at_the_ends() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!(
            [-1.0, 0.0, 1.0, 2.0].map(|share| quantile(&values, share)),
            [1.0, 1.0, 3.0, 3.0].map(Some)
        );
        assert_eq!(quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.75), Some(f64::INFINITY));
        assert_eq!(median(&[]), None);
        assert!(mean(&[]).is_nan());
        assert_eq!(standard_deviation(&[0.5]), 0.0);
    }

    #[test]
    fn repetitions_are_dropped_and_the_order_stays() {
        assert_eq!(distinct(["b", "a", "b", "c", "a"]), ["b", "a", "c"]);
    }
}
