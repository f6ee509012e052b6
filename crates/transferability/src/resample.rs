//! Confidence in the rule's depth and in the network's end, by resampling images.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rule::{Because, Evidence, apply_rule};
use crate::Ends;

/// Number of bootstrap samples: the share has a standard error of 0.035 at most.
const DRAWS: usize = 200;

/// Returns the share of bootstrap samples of the held-out images, drawn with replacement, on which the rule trains as many
/// stages and ends the network after the same one (Efron 1979), in `0..=1`.
///
/// `correct` has for each stage, the pixels first, whether each image was classified correctly: the same images for all, so
/// that an image that is hard for all stages does not blur their differences. Accuracies and the end are those of the draw, the
/// rest is that of `evidence`; without `ends` the network may not end earlier.
pub fn confidence(correct: &[Vec<bool>], evidence: &Evidence<'_>, ends: Option<&Ends>, seed: u64) -> f64 {
    let count = correct.first().map_or(0, Vec::len);
    if count == 0 {
        return 0.0;
    }
    let answer = |drawn: &[usize]| {
        let share =
            |stage: &Vec<bool>| drawn.iter().filter(|&&image| stage[image]).count() as f64 / count as f64;
        let accuracies: Vec<f64> = correct.iter().map(share).collect();
        let (pixels, stages) =
            accuracies.split_first().map_or((0.0, &[][..]), |(first, rest)| (*first, rest));
        let end = ends.and_then(|ends| Some(ends.last_stage(ends.earlier(drawn)?)));
        let verdict = apply_rule(&Evidence { pixels, stages, earlier: end.is_some(), ..*evidence });
        (verdict.trained, end.filter(|_| verdict.because == Because::EndsEarlier))
    };
    let advised = answer(&(0..count).collect::<Vec<usize>>());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || (0..count).map(|_| random.random_range(0..count)).collect::<Vec<usize>>();
    (0..DRAWS).filter(|_| answer(&draw()) == advised).count() as f64 / DRAWS as f64
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
        assert_eq!(confidence(&sure, &evidence, None, 0), 1.0);
        let close = [right(100), right(6)]; // 3 % errors: on the threshold
        let found = confidence(&close, &evidence, None, 0);
        assert!((0.3..0.8).contains(&found), "{found}");
        assert_eq!(found, confidence(&close, &evidence, None, 0));
        assert_eq!(confidence(&[], &evidence, None, 0), 0.0);
    }

    #[test]
    fn an_end_that_a_few_images_decide_is_not_certain() {
        let right = [vec![true; 60], vec![true; 60], vec![false; 60]];
        let evidence = |earlier| Evidence {
            pixels: 0.0,
            stages: &[],
            images: 60.0,
            classes: 2.0,
            parameters: 1e6,
            earlier,
        };
        // The first of two stages is better on some images, and a little worse on the others.
        let of = |better: usize| {
            let early = (0..60).map(|image| if image < better { 0.2 } else { 0.65 }).collect();
            Ends { losses: vec![early, vec![0.6; 60]], ways: vec![0..1, 1..2], widened: vec![None; 2] }
        };
        let all: Vec<usize> = (0..60).collect();
        assert_eq!([40, 12, 8].map(|better| of(better).earlier(&all)), [Some(0), Some(0), None]);
        assert_eq!(confidence(&right, &evidence(true), Some(&of(40)), 0), 1.0);
        let found = confidence(&right, &evidence(true), Some(&of(12)), 0);
        assert!((0.5..0.95).contains(&found), "{found}");
        // That it does not end earlier is not certain, either.
        let found = confidence(&right, &evidence(false), Some(&of(8)), 0);
        assert!((0.4..0.95).contains(&found), "{found}");
        assert_eq!(confidence(&right, &evidence(false), None, 0), 1.0);
    }
}
