//! Confidence intervals by the pigeonhole bootstrap, over seeds and images at once.
//!
//! Both the seeds and the images are a sample: another seed gives another model, other images another accuracy. So both
//! are resampled with replacement, independently of each other, and the interval goes from the 2.5th to the 97.5th
//! percentile of the means (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007; percentiles: Efron,
//! "Nonparametric standard errors and confidence intervals", 1981). Resampling seeds alone would leave out the images,
//! and three seeds hold hardly any information. The generator has a fixed seed: equal answers give equal intervals.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Interval, quantile};

/// Number of resampled tables.
const RESAMPLES: usize = 2000;

/// Two runs of one seed, measured on the same images: a character for each image, `1` where the prediction was correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Answers of the run of interest.
    pub setting: &'a str,
    /// Answers of the run that it is compared with.
    pub baseline: &'a str,
}

/// Confidence interval of the mean accuracy of runs that were measured on the same images. Each run is given by its
/// answers, a character for each image, `1` where the prediction was correct. `None` without runs or images, and where
/// the runs were measured on different numbers of images.
#[must_use]
pub fn accuracy(runs: &[&str]) -> Option<Interval> {
    let table: Vec<Vec<i8>> = runs.iter().map(|run| correct(run)).collect();
    interval(&table)
}

/// Confidence interval of the mean difference of accuracy, setting less baseline, over pairs of runs: what makes an image
/// or a seed hard for both cancels. `None` as in [`accuracy`].
#[must_use]
pub fn difference(pairs: &[Pair<'_>]) -> Option<Interval> {
    if pairs.iter().any(|pair| pair.setting.len() != pair.baseline.len()) {
        return None;
    }
    let row = |pair: &Pair<'_>| {
        correct(pair.setting).iter().zip(correct(pair.baseline)).map(|(one, other)| one - other).collect()
    };
    let table: Vec<Vec<i8>> = pairs.iter().map(row).collect();
    interval(&table)
}

fn correct(answers: &str) -> Vec<i8> {
    answers.bytes().map(|answer| i8::from(answer == b'1')).collect()
}

/// Interval of the mean over a table with a row for each seed and a column for each image.
fn interval(table: &[Vec<i8>]) -> Option<Interval> {
    let (rows, columns) = (table.len(), table.first()?.len());
    if columns == 0 || table.iter().any(|row| row.len() != columns) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut sums = vec![0i64; rows];
    let means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            sums.fill(0);
            for _ in 0..columns {
                let column = random.random_range(0..columns);
                for (sum, row) in sums.iter_mut().zip(table) {
                    *sum += i64::from(row[column]);
                }
            }
            let total: i64 = (0..rows).map(|_| sums[random.random_range(0..rows)]).sum();
            total as f64 / (rows * columns) as f64
        })
        .collect();
    Some(Interval { low: quantile(&means, 0.025)?, high: quantile(&means, 0.975)? })
}

/// Number of resampled tables where a figure is computed from each.
const FIGURES: usize = 500;

/// Confidence interval of the mean over runs of a figure that is no mean over images, such as F1. `images` is the number of
/// images of each run, the same for all; `of` returns the figure of a run on these images, each as often as it occurs. `None`
/// as in [`accuracy`], and where the figure is finite in no draw.
#[must_use]
pub fn figure(images: &[usize], of: &dyn Fn(usize, &[usize]) -> f64) -> Option<Interval> {
    let (rows, columns) = (images.len(), *images.first()?);
    if columns == 0 || images.iter().any(|count| *count != columns) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let means: Vec<f64> = (0..FIGURES)
        .map(|_| {
            let drawn: Vec<usize> = (0..columns).map(|_| random.random_range(0..columns)).collect();
            let figures: Vec<f64> = (0..rows).map(|row| of(row, &drawn)).collect();
            (0..rows).map(|_| figures[random.random_range(0..rows)]).sum::<f64>() / rows as f64
        })
        .filter(|mean| mean.is_finite())
        .collect();
    Some(Interval { low: quantile(&means, 0.025)?, high: quantile(&means, 0.975)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_as_a_figure_is_that_of_the_share() {
        let answers = ["1110".repeat(25), "1100".repeat(25)];
        let share = |row: usize, drawn: &[usize]| {
            let correct = |&&place: &&usize| answers[row].as_bytes()[place] == b'1';
            drawn.iter().filter(correct).count() as f64 / drawn.len() as f64
        };
        let (by_figure, by_mean) =
            (figure(&[100, 100], &share).unwrap(), accuracy(&[&answers[0], &answers[1]]).unwrap());
        assert!((by_figure.low - by_mean.low).abs() < 0.03, "{by_figure:?} {by_mean:?}");
        assert!((by_figure.high - by_mean.high).abs() < 0.03, "{by_figure:?} {by_mean:?}");
        assert_eq!((figure(&[], &share), figure(&[3, 2], &share), figure(&[0], &share)), (None, None, None));
        assert_eq!(figure(&[4], &|_, _| f64::NAN), None);
    }

    #[test]
    fn seeds_that_differ_as_a_whole_widen_the_interval() {
        let (good, bad) = ("1".repeat(50), "0".repeat(50));
        assert_eq!(accuracy(&[&good, &bad]), Some(Interval { low: 0.0, high: 1.0 }));
        let pair = Pair { setting: &good, baseline: &bad };
        assert_eq!(difference(&[pair, pair]), Some(Interval { low: 1.0, high: 1.0 }));
    }

    #[test]
    fn runs_on_different_images_have_no_interval() {
        assert_eq!(accuracy(&[]), None);
        assert_eq!(accuracy(&["", ""]), None);
        assert_eq!(accuracy(&["101", "10"]), None);
        assert_eq!(difference(&[Pair { setting: "101", baseline: "10" }]), None);
    }
}
