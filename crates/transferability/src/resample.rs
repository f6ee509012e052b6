//! How often resampled images give the same depth.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rule::{Evidence, decide};

/// Number of bootstrap samples.
const DRAWS: usize = 1000;

/// Returns the share, 0 to 1, of bootstrap samples of the held-out images, with replacement, on which the rule trains as many
/// stages (Efron 1979). `right` has for each stage, the pixels first, whether each image was classified correctly: the same
/// images for all, so that what is hard for all stages does not blur their differences.
pub fn confidence(right: &[Vec<bool>], [images, classes, parameters]: [f64; 3], seed: u64) -> f64 {
    let held_out = right.first().map_or(0, Vec::len);
    let accuracy = |stage: &Vec<bool>, sample: &[usize]| {
        sample.iter().filter(|&&image| stage[image]).count() as f64 / sample.len() as f64
    };
    let trained = |sample: &[usize]| {
        let accuracies: Vec<f64> = right.iter().map(|stage| accuracy(stage, sample)).collect();
        let (pixels, stages) =
            accuracies.split_first().map_or((0.0, &[][..]), |(first, rest)| (*first, rest));
        decide(&Evidence { pixels, stages, images, classes, parameters }).trained
    };
    if held_out == 0 {
        return 0.0;
    }
    let advised = trained(&(0..held_out).collect::<Vec<_>>());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let same = (0..DRAWS).filter(|_| {
        let sample: Vec<usize> = (0..held_out).map(|_| random.random_range(0..held_out)).collect();
        trained(&sample) == advised
    });
    same.count() as f64 / DRAWS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_images_show_is_certain_and_what_a_few_decide_is_not() {
        let right = |errors: usize| (0..200).map(|image| image >= errors).collect::<Vec<bool>>();
        let sure = [right(100), right(0)];
        assert_eq!(confidence(&sure, [100.0, 2.0, 1e4], 0), 1.0);
        let close = [right(100), right(6)]; // 3 % errors: on the threshold
        let found = confidence(&close, [100.0, 2.0, 1e4], 0);
        assert!((0.3..0.8).contains(&found), "{found}");
        assert_eq!(found, confidence(&close, [100.0, 2.0, 1e4], 0));
        assert_eq!(confidence(&[], [100.0, 2.0, 1e4], 0), 0.0);
    }
}
