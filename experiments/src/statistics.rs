//! Median, least and greatest of a few figures; mean and standard deviation.

/// A few figures of the same kind, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, min, max })
    }
}

/// The mean; `None` without figures.
pub(crate) fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

/// The sample standard deviation (`n - 1`); 0 for one figure, `None` without.
pub(crate) fn standard_deviation(figures: &[f64]) -> Option<f64> {
    let centre = mean(figures)?;
    let squares: f64 = figures.iter().map(|figure| (figure - centre).powi(2)).sum();
    Some(if figures.len() < 2 { 0.0 } else { (squares / (figures.len() as f64 - 1.0)).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two() {
        assert_eq!(Spread::of([3.0, 1.0, 10.0]), Some(Spread { median: 3.0, min: 1.0, max: 10.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let figures = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&figures), Some(5.0));
        // python3 -c 'import statistics; print(statistics.stdev([2, 4, 4, 4, 5, 5, 7, 9]))'
        assert!((standard_deviation(&figures).unwrap() - 2.138089935299395).abs() < 1e-12);
        assert_eq!((standard_deviation(&[3.0]), standard_deviation(&[]), mean(&[])), (Some(0.0), None, None));
    }
}
