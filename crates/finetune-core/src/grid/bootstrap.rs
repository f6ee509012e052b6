//! Intervals by drawing seeds and images anew.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use records::Interval;

/// Tables drawn for an interval.
const DRAWS: usize = 2000;

/// The 95 % interval of the mean accuracy of runs that were measured on the same images; each is given by its answers, a
/// character an image, `1` for a right one. `None` where there are none, or not of the same images.
///
/// Both the seeds and the images are a sample: another seed gives another model, other images another share of right
/// answers. So both are drawn anew, with replacement and independently of each other, and the interval goes from the 2.5th
/// to the 97.5th percentile of the means (the pigeonhole bootstrap: Owen, "The pigeonhole bootstrap", 2007; percentiles:
/// Efron, "Nonparametric standard errors and confidence intervals", 1981). To draw seeds alone would say nothing of the
/// images, and of three seeds hardly anything. The generator's own seed is fixed: the same answers give the same interval.
pub(super) fn accuracy(runs: &[&str]) -> Option<Interval> {
    let table: Vec<Vec<i8>> = runs.iter().map(|run| right(run)).collect();
    interval(&table)
}

/// The same of the difference between two settings, the first less the second. Each pair is two runs of one seed on the
/// same images, so that what makes an image or a seed hard for both cancels.
pub(super) fn difference(pairs: &[(&str, &str)]) -> Option<Interval> {
    if pairs.iter().any(|(one, other)| one.len() != other.len()) {
        return None;
    }
    let less =
        |(one, other): &(&str, &str)| right(one).iter().zip(right(other)).map(|(a, b)| a - b).collect();
    let table: Vec<Vec<i8>> = pairs.iter().map(less).collect();
    interval(&table)
}

fn right(answers: &str) -> Vec<i8> {
    answers.bytes().map(|answer| i8::from(answer == b'1')).collect()
}

/// Of the mean over a table with a row for each seed and a column for each image.
fn interval(table: &[Vec<i8>]) -> Option<Interval> {
    let (rows, columns) = (table.len(), table.first()?.len());
    if columns == 0 || table.iter().any(|row| row.len() != columns) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut sums = vec![0i64; rows];
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            sums.fill(0);
            for _ in 0..columns {
                let column = random.random_range(0..columns);
                for (sum, row) in sums.iter_mut().zip(table) {
                    *sum += i64::from(row[column]);
                }
            }
            let drawn: i64 = (0..rows).map(|_| sums[random.random_range(0..rows)]).sum();
            drawn as f64 / (rows * columns) as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some(Interval { low: percentile(&means, 0.025), high: percentile(&means, 0.975) })
}

/// As NumPy's: between two values in proportion.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (low, high) = (sorted[below as usize], sorted[place.ceil() as usize]);
    low + (place - below) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `make_reference.py` beside this made it, with NumPy and 200,000 draws.
    #[derive(serde::Deserialize)]
    struct Reference {
        runs: Vec<String>,
        others: Vec<String>,
        accuracy: [f64; 2],
        difference: [f64; 2],
    }

    fn near(found: Option<Interval>, expected: [f64; 2], tolerance: f64) {
        let Interval { low, high } = found.unwrap();
        assert!((low - expected[0]).abs() < tolerance, "{low} is not {}", expected[0]);
        assert!((high - expected[1]).abs() < tolerance, "{high} is not {}", expected[1]);
    }

    #[test]
    fn intervals_are_numpys() {
        let reference: Reference = serde_json::from_str(include_str!("bootstrap/reference.json")).unwrap();
        let runs: Vec<&str> = reference.runs.iter().map(String::as_str).collect();
        let pairs: Vec<(&str, &str)> =
            runs.iter().copied().zip(reference.others.iter().map(String::as_str)).collect();
        // 2,000 draws leave a percentile uncertain by about a tenth of the interval's half width.
        near(accuracy(&runs), reference.accuracy, 0.006);
        near(difference(&pairs), reference.difference, 0.006);
        assert_eq!(accuracy(&runs), accuracy(&runs));
    }

    #[test]
    fn one_run_has_the_binomial_interval() {
        // scipy.stats.binom.ppf([0.025, 0.975], 200, 0.9) / 200
        let run = format!("{}{}", "1".repeat(180), "0".repeat(20));
        near(accuracy(&[&run]), [0.855, 0.94], 0.006);
    }

    #[test]
    fn runs_that_differ_as_a_whole_are_told_by_the_seeds() {
        let (good, bad) = ("1".repeat(50), "0".repeat(50));
        near(accuracy(&[&good, &bad]), [0.0, 1.0], 1e-12);
        near(difference(&[(&good, &bad), (&good, &bad)]), [1.0, 1.0], 1e-12);
    }

    #[test]
    fn other_images_have_no_common_interval() {
        assert_eq!(accuracy(&[]), None);
        assert_eq!(accuracy(&["", ""]), None);
        assert_eq!(accuracy(&["101", "10"]), None);
        assert_eq!(difference(&[("101", "10")]), None);
    }
}
