//! Confidence in the rule's depth, by resampling images.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rule::{Evidence, apply_rule};

/// Number of bootstrap samples: the share has a standard error of 0.035 at most.
const DRAWS: usize = 200;

/// Returns the share of bootstrap samples of the held-out images, drawn with replacement, on which the rule trains as many
/// stages (Efron 1979), in `0..=1`.
///
/// `correct` has for each stage, the pixels first, whether each image was classified correctly: the same images for all, so
/// that an image that is hard for all stages does not blur their differences. Of `evidence` all but the accuracies is used.
pub fn confidence(correct: &[Vec<bool>], evidence: &Evidence<'_>, seed: u64) -> f64 {
    let count = correct.first().map_or(0, Vec::len);
    if count == 0 {
        return 0.0;
    }
    // Images row by row, so that a draw reads each image once.
    let by_image: Vec<bool> =
        (0..count).flat_map(|image| correct.iter().map(move |stage| stage[image])).collect();
    let trained = |drawn: &mut dyn Iterator<Item = usize>| {
        let mut right = vec![0u32; correct.len()];
        for image in drawn {
            let row = &by_image[image * correct.len()..][..correct.len()];
            right.iter_mut().zip(row).for_each(|(right, &correct)| *right += u32::from(correct));
        }
        let accuracies: Vec<f64> = right.into_iter().map(|right| f64::from(right) / count as f64).collect();
        let (pixels, stages) =
            accuracies.split_first().map_or((0.0, &[][..]), |(first, rest)| (*first, rest));
        apply_rule(&Evidence { pixels, stages, ..*evidence }).trained
    };
    let advised = trained(&mut (0..count));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let same =
        (0..DRAWS).filter(|_| trained(&mut (0..count).map(|_| random.random_range(0..count))) == advised);
    same.count() as f64 / DRAWS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_images_support_is_certain_and_what_a_few_decide_is_not() {
        let right = |errors: usize| (0..200).map(|place| place >= errors).collect::<Vec<bool>>();
        let evidence = Evidence {
            pixels: 0.0,
            stages: &[],
            images: 100.0,
            classes: 2.0,
            parameters: 1e4,
            earlier: false,
        };
        let sure = [right(100), right(0)];
        assert_eq!(confidence(&sure, &evidence, 0), 1.0);
        let close = [right(100), right(6)]; // 3 % errors: on the threshold
        let found = confidence(&close, &evidence, 0);
        assert!((0.3..0.8).contains(&found), "{found}");
        assert_eq!(found, confidence(&close, &evidence, 0));
        assert_eq!(confidence(&[], &evidence, 0), 0.0);
    }
}
