//! Cross-validation: which fold holds an image out.

use std::collections::BTreeSet;

use images::shuffled;
use statistics::folds as dealing;

use crate::Error;

/// Distribution of images over folds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    of: Vec<Option<usize>>,
    count: usize,
}

impl Folds {
    /// Takes the fold of each image, `None` for those that stay in every fit.
    pub fn new(of: Vec<Option<usize>>) -> Self {
        let count = of.iter().flatten().max().map_or(0, |last| last + 1);
        Self { of, count }
    }

    /// Returns the number of folds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the fold that holds each image out; `None` for an image of a class (or the class's only group) of which
    /// nothing would be left to learn from.
    pub fn of(&self) -> &[Option<usize>] {
        &self.of
    }

    /// Returns the indices of the images that are held out by any fold, ascending.
    pub fn held_out(&self) -> Vec<usize> {
        (0..self.of.len()).filter(|&image| self.of[image].is_some()).collect()
    }

    /// Returns the indices of the images that a fold holds out, ascending.
    pub fn held_out_by(&self, fold: usize) -> Vec<usize> {
        (0..self.of.len()).filter(|&image| self.of[image] == Some(fold)).collect()
    }

    /// Returns the indices of the images that a fold fits on, ascending.
    pub fn fitted_by(&self, fold: usize) -> Vec<usize> {
        (0..self.of.len()).filter(|&image| self.of[image] != Some(fold)).collect()
    }

    /// Refuses folds from which nothing can be learned of classification.
    ///
    /// # Errors
    /// When the images that are held out are of fewer than two classes.
    pub fn check(&self, labels: &[usize]) -> Result<(), Error> {
        let mut held = labels.iter().zip(&self.of).filter(|(_, fold)| fold.is_some()).map(|(label, _)| label);
        let first = held.next();
        if held.any(|label| Some(label) != first) { Ok(()) } else { Err(Error::TooFew) }
    }
}

/// Distributes the images of each class over `count` folds in a seeded order, so that every fold has its share of each.
pub fn deal(labels: &[usize], classes: usize, count: usize, seed: u64) -> Folds {
    Folds { of: dealing::deal(labels, classes, &shuffled(labels.len(), seed, 1), count), count }
}

/// Distributes groups of images over `count` folds in a seeded order, each to the fold that has the fewest images of its
/// classes so far: images of one group are held out together. An image without a group is a group of its own.
pub fn deal_groups(
    labels: &[usize],
    classes: usize,
    groups: &[Option<u32>],
    count: usize,
    seed: u64,
) -> Folds {
    let order = shuffled(labels.len(), seed, 1);
    Folds { of: dealing::deal_groups(labels, classes, &order, groups, count), count }
}

/// Fewest folds of which each is left out of a classifier.
const LEFT_OUT: usize = 5;
/// Most images of a fold that is left out, on average: the work grows with the cube of it.
const LEFT_OUT_AT_MOST: usize = 500;

/// Returns for each image the part that [`crate::ridge::fit_groups`] is to leave out together with it, and the number of parts:
/// five folds, more where they would have above 500 images on average, dealt as by [`deal_groups`].
///
/// Not each image by itself: where features are about as many as images, and the penalty is weak, the errors of all images lie
/// along the shortest axis of the features, and are small or large together by accident.
pub fn left_out_together(
    labels: &[usize],
    classes: usize,
    groups: &[Option<u32>],
    seed: u64,
) -> (Vec<Option<u32>>, usize) {
    let count = LEFT_OUT.max(labels.len().div_ceil(LEFT_OUT_AT_MOST));
    let folds = deal_groups(labels, classes, groups, count, seed);
    // A group that no fold can hold out stays together, apart from the folds.
    let apart = |group: u32| u32::try_from(count).ok()?.checked_add(group);
    let number = |(fold, group): (&Option<usize>, &Option<u32>)| match fold {
        Some(fold) => u32::try_from(*fold).ok(),
        None => group.and_then(apart),
    };
    let parts: Vec<Option<u32>> = folds.of().iter().zip(groups).map(number).collect();
    let held_out: BTreeSet<usize> = folds.of().iter().flatten().copied().collect();
    (parts, held_out.len())
}

/// Returns for each class whether its images are in more than one group.
pub(crate) fn of_several_groups(labels: &[usize], classes: usize, members: &[Vec<usize>]) -> Vec<bool> {
    let mut groups = vec![0usize; classes];
    for group in members {
        let mut of_group: Vec<usize> = group.iter().map(|&place| labels[place]).collect();
        of_group.sort_unstable();
        of_group.dedup();
        of_group.into_iter().for_each(|class| groups[class] += 1);
    }
    groups.into_iter().map(|groups| groups > 1).collect()
}
