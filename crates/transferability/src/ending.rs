use std::ops::Range;

use crate::choose::Paired;
use crate::held_out::HeldOut;

/// Returns the index of the classifier to take in place of the one on the last stage, where a network is not trained: `None`
/// where none has a loss that is lower by more than one standard error, image by image. Of those that have, and that lie
/// within one standard error of the lowest loss, the cheapest is taken: the network ends earliest, and the fewest stages are
/// read.
///
/// `ways` are the stages that each classifier reads, by position from the input; all classifiers must have held out the same
/// images.
pub(crate) fn earlier_end(classifiers: &[&HeldOut], ways: &[Range<usize>]) -> Option<usize> {
    let end = ways.iter().map(|way| way.end).max()?;
    let last = classifiers.get(ways.iter().position(|way| way.end == end && way.len() == 1)?)?;
    let gains = |from: &HeldOut, to: &HeldOut| Paired::of(from.losses(), to.losses()).is_better();
    let better: Vec<usize> = (0..classifiers.len()).filter(|&arm| gains(last, classifiers[arm])).collect();
    let lowest = |one: &&usize, other: &&usize| {
        classifiers[**one].loss().total_cmp(&classifiers[**other].loss()).then(one.cmp(other))
    };
    let leader = classifiers[*better.iter().min_by(lowest)?];
    let alike = better.iter().copied().filter(|&arm| !gains(classifiers[arm], leader));
    alike.min_by_key(|&arm| (ways[arm].end, ways[arm].len()))
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
    fn the_network_ends_earlier_where_that_is_surely_better_and_no_later_than_it_must() {
        let ways = [0..1, 1..2, 2..3, 0..3];
        let end = |of: [[f64; 4]; 4]| {
            let all = of.map(classifier);
            earlier_end(&all.iter().collect::<Vec<_>>(), &ways)
        };
        let (low, middle, high) = ([0.5, 0.6, 0.55, 0.5], [0.7, 0.75, 0.7, 0.72], [0.9, 0.9, 0.95, 0.92]);
        assert_eq!(end([low, middle, high, middle]), None, "the last stage is the best");
        assert_eq!(end([low, high, middle, low]), Some(1));
        assert_eq!(end([low, middle, low, high]), Some(3), "several stages, where none alone is as good");
        // As good as the best within an error: the earlier end, and one stage before several.
        let as_high = [0.91, 0.89, 0.95, 0.92];
        assert_eq!(end([as_high, high, middle, high]), Some(0));
        assert_eq!(end([low, as_high, middle, high]), Some(1));
        // Better than the last on one image alone is not surely better.
        assert_eq!(end([[0.7, 0.99, 0.6, 0.65], low, middle, low]), None);
        assert_eq!(earlier_end(&[], &[]), None);
    }
}
