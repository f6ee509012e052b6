use std::ops::Range;

use crate::choose::Paired;
use crate::held_out::HeldOut;

/// Returns the indices of the classifiers by which a network could end earlier: their loss is lower than that of the one on the
/// last stage by more than one standard error, image by image, and within one standard error of the lowest. Empty where the last
/// stage is as good as any.
///
/// `ways` are the stages that each classifier reads, by position from the input; all classifiers must have held out the same
/// images.
pub(crate) fn earlier_ends(classifiers: &[&HeldOut], ways: &[Range<usize>]) -> Vec<usize> {
    let end = ways.iter().map(|way| way.end).max();
    let last = ways.iter().position(|way| Some(way.end) == end && way.len() == 1);
    let Some(last) = last.and_then(|last| classifiers.get(last)) else { return Vec::new() };
    let better = (0..classifiers.len()).filter(|&arm| is_better(last, classifiers[arm]));
    as_good_as_the_best(classifiers, better.collect())
}

/// Returns the index of the classifier to take of these: of those within one standard error of the lowest loss that of several
/// stages, which overlooks less than one does; of such the one of the lowest loss. `None` without any.
pub(crate) fn chosen_end(
    classifiers: &[&HeldOut],
    ways: &[Range<usize>],
    among: Vec<usize>,
) -> Option<usize> {
    let good = as_good_as_the_best(classifiers, among);
    good.into_iter().min_by(|&one, &other| {
        let is_single = |arm: usize| ways[arm].len() == 1;
        is_single(one)
            .cmp(&is_single(other))
            .then(classifiers[one].loss().total_cmp(&classifiers[other].loss()))
    })
}

/// Those of these classifiers that the one of the lowest loss is not better than by more than one standard error.
fn as_good_as_the_best(classifiers: &[&HeldOut], mut among: Vec<usize>) -> Vec<usize> {
    let lowest = |&&one: &&usize, &&other: &&usize| {
        classifiers[one].loss().total_cmp(&classifiers[other].loss()).then(one.cmp(&other))
    };
    let Some(&leader) = among.iter().min_by(lowest) else { return among };
    among.retain(|&arm| !is_better(classifiers[arm], classifiers[leader]));
    among
}

/// Whether the second has a lower loss by more than one standard error.
fn is_better(first: &HeldOut, second: &HeldOut) -> bool {
    Paired::of(first.losses(), second.losses()).is_better()
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    /// A classifier that gives the label of each of four images this probability.
    fn classifier(probabilities: [f64; 4]) -> HeldOut {
        let rows: Vec<f64> = probabilities.iter().flat_map(|p| [p.ln(), (1.0 - p).ln()]).collect();
        HeldOut::new(&Tensor::from_slice(&rows).view([4, 2]), vec![0, 1, 2, 3], &[0; 4]).unwrap()
    }

    #[test]
    fn the_network_ends_earlier_where_that_is_surely_better() {
        let ways = [0..1, 1..2, 2..3, 0..3];
        let end = |of: [[f64; 4]; 4]| {
            let all = of.map(classifier);
            let all: Vec<&HeldOut> = all.iter().collect();
            let ends = earlier_ends(&all, &ways);
            let chosen = chosen_end(&all, &ways, ends.clone());
            (ends, chosen)
        };
        let (low, middle, high) = ([0.5, 0.6, 0.55, 0.5], [0.7, 0.75, 0.7, 0.72], [0.9, 0.9, 0.95, 0.92]);
        assert_eq!(end([low, middle, high, middle]), (vec![], None), "the last stage is the best");
        assert_eq!(end([low, high, middle, low]), (vec![1], Some(1)));
        assert_eq!(
            end([low, middle, low, high]),
            (vec![3], Some(3)),
            "several stages, where none alone is as good"
        );
        // Of single stages the best. Of what is as good within an error several stages are taken.
        let as_high = [0.91, 0.89, 0.95, 0.92];
        assert_eq!(end([as_high, high, middle, high]), (vec![0, 1, 3], Some(3)));
        assert_eq!(end([as_high, high, middle, low]), (vec![0, 1], Some(1)));
        // Better than the last on one image alone is not surely better.
        assert_eq!(end([[0.7, 0.99, 0.6, 0.65], low, middle, low]), (vec![], None));
        assert!(earlier_ends(&[], &[]).is_empty());
    }
}
