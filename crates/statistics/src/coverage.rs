/// What remains of the predictions whose probability reaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Covered {
    /// Smallest probability of a prediction that counts, in `0..=1`.
    pub at_least: f64,
    /// Share of the images whose prediction reaches it, in `0..=1`.
    pub coverage: f64,
    /// Share of these whose prediction is correct, in `0..=1`; `None` where there are none.
    pub accuracy: Option<f64>,
}

/// Thresholds of the curve: closer to each other near 1, where the probabilities of a good model lie.
const THRESHOLDS: [f64; 31] = [
    0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9,
    0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999, 0.9999,
];

/// Coverage against accuracy at rising thresholds: `probability` of each image's predicted class, and whether that is
/// `correct`. Empty without images.
#[must_use]
pub fn coverage(probability: &[f64], correct: &[bool]) -> Vec<Covered> {
    let images = probability.len().min(correct.len());
    let at = |at_least: f64| {
        let reached = probability.iter().zip(correct).filter(|(probability, _)| **probability >= at_least);
        let (count, right) = reached
            .fold((0u64, 0u64), |(count, right), (_, &correct)| (count + 1, right + u64::from(correct)));
        let accuracy = (count > 0).then(|| right as f64 / count as f64);
        Covered { at_least, coverage: count as f64 / images as f64, accuracy }
    };
    if images == 0 { Vec::new() } else { THRESHOLDS.into_iter().map(at).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_threshold_leaves_fewer_predictions_and_its_own_value_is_reached() {
        let curve = coverage(&[0.8, 0.5, 0.95, 0.6], &[true, false, true, false]);
        let at = |at_least: f64| *curve.iter().find(|point| point.at_least == at_least).unwrap();
        assert_eq!((at(0.0).coverage, at(0.0).accuracy), (1.0, Some(0.5)));
        assert_eq!((at(0.6).coverage, at(0.6).accuracy), (0.75, Some(2.0 / 3.0)));
        assert_eq!((at(0.8).coverage, at(0.8).accuracy), (0.5, Some(1.0)));
        assert_eq!((at(0.96).coverage, at(0.96).accuracy), (0.0, None));
        assert!(curve.is_sorted_by(|a, b| a.at_least < b.at_least && a.coverage >= b.coverage));
        assert_eq!(coverage(&[], &[]), []);
    }
}
