//! Cross-validation: which fold holds an image out.

use std::collections::HashMap;

use images::shuffled;

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
    let mut images = vec![0usize; classes];
    labels.iter().for_each(|&label| images[label] += 1);
    let order = shuffled(labels.len(), seed, 1);
    let mut of = vec![None; labels.len()];
    let mut next = 0;
    for class in (0..classes).filter(|&class| images[class] > 1) {
        for &place in order.iter().filter(|&&place| labels[place as usize] == class) {
            of[place as usize] = Some(next % count.max(1));
            next += 1;
        }
    }
    Folds { of, count }
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
    let members = members(groups, &shuffled(labels.len(), seed, 1));
    let can_be_held_out = of_several_groups(labels, classes, &members);
    let mut of = vec![None; labels.len()];
    let mut held = vec![vec![0usize; classes]; count.max(1)];
    for group in &members {
        let load = |fold: &usize| {
            let alike: usize = group.iter().map(|&place| held[*fold][labels[place]]).sum();
            (alike, held[*fold].iter().sum::<usize>())
        };
        let fold = (0..count.max(1)).min_by_key(load).unwrap_or(0);
        for &place in group.iter().filter(|&&place| can_be_held_out[labels[place]]) {
            of[place] = Some(fold);
            held[fold][labels[place]] += 1;
        }
    }
    Folds { of, count }
}

/// Returns the images of each group, groups and images in this order.
pub(crate) fn members(groups: &[Option<u32>], order: &[u32]) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut number: HashMap<u32, usize> = HashMap::new();
    for &place in order {
        let place = place as usize;
        match groups[place].and_then(|group| number.get(&group).copied()) {
            Some(known) => members[known].push(place),
            None => {
                if let Some(group) = groups[place] {
                    number.insert(group, members.len());
                }
                members.push(vec![place]);
            }
        }
    }
    members
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
