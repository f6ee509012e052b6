//! Accuracy of an arm that was chosen on the images that it is measured on.
//!
//! The best of many looks better than it is. Bootstrap bias corrected cross-validation (Tsamardinos, Greasidou and Borboudakis,
//! "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 2018) repeats
//! the choice on resampled images and measures what is chosen on the images that were not drawn.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statistics::{Interval, mean, quantile, wilson};

use crate::measured::Measured;
use crate::posterior::Field;
use crate::{Arm, Tier};

/// Number of resampled sets of images.
const RESAMPLES: usize = 400;

/// Accuracy of what the choice gives, in `0..=1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selected {
    /// Mean over the resampled sets.
    pub accuracy: f64,
    /// Its 95% interval: that of the resampled sets, and at least that of a share of so many images, since hardly any set has
    /// a wrong answer where nearly all are right.
    pub interval: Interval,
}

/// Returns the accuracy of the arm of the lowest loss, or of the best of a cheaper tier within one standard error of it, among
/// those that are measured on every fold; `None` without such arms.
#[must_use]
pub fn accuracy(field: &Field<'_>) -> Option<Selected> {
    let complete = field.measured.iter().map(|it| it.images.len()).max().filter(|&most| most > 1)?;
    let is_complete = |(_, measured): &(&Arm, &Measured)| measured.images.len() == complete;
    let arms = field.arms.iter().zip(field.measured).filter(is_complete);
    let costs: Vec<Cost> = arms.clone().map(|(arm, _)| (arm.tier, arm.network)).collect();
    // In the order of the images, which arms were measured on in different orders of folds.
    let table: Vec<Vec<Answer>> = arms
        .map(|(_, measured)| {
            let mut answers: Vec<(usize, Answer)> = measured
                .images
                .iter()
                .zip(measured.losses.iter().zip(&measured.correct))
                .map(|(&image, (&loss, &correct))| (image, Answer { loss, correct }))
                .collect();
            answers.sort_by_key(|(image, _)| *image);
            answers.into_iter().map(|(_, answer)| answer).collect()
        })
        .collect();
    let mut random = ChaCha8Rng::seed_from_u64(field.seed);
    let mut accuracies = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let drawn: Vec<usize> = (0..complete).map(|_| random.random_range(0..complete)).collect();
        let mut left_out = vec![true; complete];
        drawn.iter().for_each(|&image| left_out[image] = false);
        let chosen = &table[chosen(&table, &costs, &drawn)];
        let judged: Vec<f64> = (0..complete)
            .filter(|&image| left_out[image])
            .map(|image| f64::from(u8::from(chosen[image].correct)))
            .collect();
        if !judged.is_empty() {
            accuracies.push(mean(&judged));
        }
    }
    selected(&accuracies, complete)
}

/// Summarises the accuracies of resampled sets of so many images.
fn selected(accuracies: &[f64], images: usize) -> Option<Selected> {
    let accuracy = mean(accuracies);
    let share = wilson(accuracy * images as f64, images as f64);
    let [low, high] = [quantile(accuracies, 0.025)?, quantile(accuracies, 0.975)?];
    let interval = Interval { low: low.min(share.low), high: high.max(share.high) };
    Some(Selected { accuracy, interval })
}

/// What an arm says of an image.
#[derive(Clone, Copy)]
struct Answer {
    loss: f64,
    correct: bool,
}

/// What decides where losses do not: tier, and place of the network.
type Cost = (Tier, usize);

/// Row of the arm that these images choose, as [`decide`](crate::decide) does.
fn chosen(table: &[Vec<Answer>], costs: &[Cost], drawn: &[usize]) -> usize {
    let losses = |row: &[Answer]| mean(&drawn.iter().map(|&image| row[image].loss).collect::<Vec<_>>());
    let means: Vec<f64> = table.iter().map(|row| losses(row)).collect();
    let best = (0..means.len()).reduce(|best, next| if means[next] < means[best] { next } else { best });
    let Some(best) = best else { return 0 };
    let within = |&row: &usize| {
        let differences: Vec<f64> =
            drawn.iter().map(|&image| table[row][image].loss - table[best][image].loss).collect();
        let error = statistics::standard_deviation(&differences) / (drawn.len() as f64).sqrt();
        means[row] - means[best] <= error
    };
    let preferred = |&one: &usize, &other: &usize| {
        costs[one].cmp(&costs[other]).then(means[one].total_cmp(&means[other]))
    };
    (0..means.len()).filter(within).min_by(preferred).unwrap_or(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_accuracy() {
        let mut nearly_all_right = vec![1.0; 398];
        nearly_all_right.extend([0.9; 2]);
        let Selected { accuracy, interval } = selected(&nearly_all_right, 100).unwrap();
        assert!(interval.low < 0.97 && accuracy < interval.high && interval.high <= 1.0, "{interval:?}");
        let scattered: Vec<f64> = (0..400).map(|draw| f64::from(draw) / 400.0).collect();
        let Selected { interval, .. } = selected(&scattered, 1_000).unwrap();
        assert!(interval.low < 0.03 && interval.high > 0.97, "{interval:?}");
        assert_eq!(selected(&[], 100), None);
    }
}
