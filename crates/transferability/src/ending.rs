//! Where a frozen network ends, from the losses of classifiers on the same held-out images.

use std::ops::Range;

use statistics::mean;

use crate::choose::Paired;

/// Losses of the classifiers of an advice on the same images, and what each reads: by them it is asked where the network ends.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Of each classifier on each image.
    pub(crate) losses: Vec<Vec<f64>>,
    /// The stages that each reads, by position from the input.
    pub(crate) ways: Vec<Range<usize>>,
    /// For each classifier that reads an end together with the stages before it, and was made for that, the classifier on the
    /// end alone; it is taken only where that end is good.
    pub(crate) widened: Vec<Option<usize>>,
}

impl Ends {
    /// Returns the classifier by which the network would end earlier, judged by these images, which may repeat; `None` where it
    /// stays whole.
    pub(crate) fn earlier(&self, images: &[usize]) -> Option<usize> {
        let drawn: Vec<Vec<f64>> =
            self.losses.iter().map(|losses| images.iter().map(|&image| losses[image]).collect()).collect();
        let drawn: Vec<&[f64]> = drawn.iter().map(Vec::as_slice).collect();
        let first: Vec<&[f64]> = drawn
            .iter()
            .zip(&self.widened)
            .filter(|(_, of)| of.is_none())
            .map(|(losses, _)| *losses)
            .collect();
        let mut ends = earlier_ends(&first, &self.ways[..first.len()]);
        let wider =
            (0..drawn.len()).filter(|&wider| self.widened[wider].is_some_and(|of| ends.contains(&of)));
        let wider: Vec<usize> = wider.collect();
        ends.extend(wider);
        chosen_end(&drawn, &self.ways, ends)
    }

    /// Returns after which stage the network ends by a classifier, counted from the input.
    pub(crate) fn last_stage(&self, classifier: usize) -> usize {
        self.ways[classifier].end
    }
}

/// Returns the indices of the classifiers by which a network could end earlier: their loss is lower than that of the one on the
/// last stage by more than one standard error, image by image, and within one standard error of the lowest. Empty where the last
/// stage is as good as any.
///
/// Classifiers are given by their losses, of the same images in the same order; `ways` are the stages that each reads, by
/// position from the input.
pub(crate) fn earlier_ends(classifiers: &[&[f64]], ways: &[Range<usize>]) -> Vec<usize> {
    let end = ways.iter().map(|way| way.end).max();
    let last = ways.iter().position(|way| Some(way.end) == end && way.len() == 1);
    let Some(last) = last.and_then(|last| classifiers.get(last)) else { return Vec::new() };
    let better = (0..classifiers.len()).filter(|&arm| is_better(last, classifiers[arm]));
    as_good_as_the_best(classifiers, better.collect())
}

/// Returns the index of the classifier to take of these: of those within one standard error of the lowest loss that of several
/// stages, which overlooks less than one does; of such the one of the lowest loss. `None` without any.
pub(crate) fn chosen_end(classifiers: &[&[f64]], ways: &[Range<usize>], among: Vec<usize>) -> Option<usize> {
    let good = as_good_as_the_best(classifiers, among);
    good.into_iter().min_by(|&one, &other| {
        let is_single = |arm: usize| ways[arm].len() == 1;
        is_single(one)
            .cmp(&is_single(other))
            .then(mean(classifiers[one]).total_cmp(&mean(classifiers[other])))
    })
}

/// Those of these classifiers that the one of the lowest loss is not better than by more than one standard error.
fn as_good_as_the_best(classifiers: &[&[f64]], mut among: Vec<usize>) -> Vec<usize> {
    let lowest = |&&one: &&usize, &&other: &&usize| {
        mean(classifiers[one]).total_cmp(&mean(classifiers[other])).then(one.cmp(&other))
    };
    let Some(&leader) = among.iter().min_by(lowest) else { return among };
    among.retain(|&arm| !is_better(classifiers[arm], classifiers[leader]));
    among
}

/// Whether the second has a lower loss by more than one standard error.
fn is_better(first: &[f64], second: &[f64]) -> bool {
    Paired::of(first, second).is_better()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A classifier that gives the label of each of four images this probability.
    fn classifier(probabilities: [f64; 4]) -> Vec<f64> {
        probabilities.iter().map(|p| -p.ln()).collect()
    }

    #[test]
    fn the_network_ends_earlier_where_that_is_surely_better() {
        let ways = [0..1, 1..2, 2..3, 0..3];
        let end = |of: [[f64; 4]; 4]| {
            let all = of.map(classifier);
            let all: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
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

    #[test]
    fn another_draw_of_the_images_may_end_elsewhere() {
        let losses = [[0.9, 0.9, 0.8, 0.1], [0.2, 0.3, 0.2, 0.9]].map(|losses| losses.to_vec()).to_vec();
        let ends = Ends { losses, ways: vec![0..1, 1..2], widened: vec![None; 2] };
        assert_eq!(ends.earlier(&[0, 1, 2, 3]), None, "the last stage is better");
        assert_eq!(ends.earlier(&[3, 3, 3, 0]), Some(0));
    }
}
