//! Confidence in the rule's depth, by resampling images.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rule::{Evidence, apply_rule};

/// Number of bootstrap samples.
const DRAWS: usize = 1000;

/// Returns the share of bootstrap samples of the held-out images, drawn with replacement, on which the rule trains as many
/// stages (Efron 1979), in `0..=1`.
///
/// `correct` has for each stage, the pixels first, whether each image was classified correctly: the same images for all, so
/// that an image that is hard for all stages does not blur their differences. The array has the numbers of training images,
/// classes and parameters of [`Evidence`].
pub fn confidence(correct: &[Vec<bool>], [images, classes, parameters]: [f64; 3], seed: u64) -> f64 {
    let count = correct.first().map_or(0, Vec::len);
    let accuracy = |stage: &Vec<bool>, drawn: &[usize]| {
        drawn.iter().filter(|&&image| stage[image]).count() as f64 / drawn.len() as f64
    };
    let trained = |drawn: &[usize]| {
        let accuracies: Vec<f64> = correct.iter().map(|stage| accuracy(stage, drawn)).collect();
        let (pixels, stages) =
            accuracies.split_first().map_or((0.0, &[][..]), |(first, rest)| (*first, rest));
        apply_rule(&Evidence { pixels, stages, images, classes, parameters }).trained
    };
    if count == 0 {
        return 0.0;
    }
    let advised = trained(&(0..count).collect::<Vec<_>>());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let same = (0..DRAWS).filter(|_| {
        let drawn: Vec<usize> = (0..count).map(|_| random.random_range(0..count)).collect();
        trained(&drawn) == advised
    });
    same.count() as f64 / DRAWS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_images_support_is_certain_and_what_a_few_decide_is_not() {
        let right = |errors: usize| (0..200).map(|place| place >= errors).collect::<Vec<bool>>();
        let sure = [right(100), right(0)];
        assert_eq!(confidence(&sure, [100.0, 2.0, 1e4], 0), 1.0);
        let close = [right(100), right(6)]; // 3 % errors: on the threshold
        let found = confidence(&close, [100.0, 2.0, 1e4], 0);
        assert!((0.3..0.8).contains(&found), "{found}");
        assert_eq!(found, confidence(&close, [100.0, 2.0, 1e4], 0));
        assert_eq!(confidence(&[], [100.0, 2.0, 1e4], 0), 0.0);
    }
}
