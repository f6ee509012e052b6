//! Folds of a cross-validation: which part holds each image out. Every fold has its share of each class, images of one group
//! are held out together, and whatever fold is held out, every class is left to learn from.

use std::collections::HashMap;

/// The fold that holds each image out, from 0; `None` for one that is never held out, because nothing of its class could be
/// learned meanwhile.
pub type Folds = Vec<Option<usize>>;

/// Distributes the images of each class over a number of folds, in the order given: `order` has every index of `labels`
/// once, and labels are below `classes`. The only image of a class is never held out.
#[must_use]
pub fn deal(labels: &[usize], classes: usize, order: &[u32], folds: usize) -> Folds {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label] += 1);
    let mut dealt = vec![None; labels.len()];
    let mut next = 0;
    for class in (0..classes).filter(|&class| counts[class] > 1) {
        for &place in order.iter().filter(|&&place| labels[place as usize] == class) {
            dealt[place as usize] = Some(next % folds.max(1));
            next += 1;
        }
    }
    dealt
}

/// Distributes whole groups of images over a number of folds, in the order given, each to the fold that has the fewest of
/// its classes so far, but never the last images of a class to the fold with all others of it. An image without a group is
/// one of its own. A group with a class that no other group has is never held out.
#[must_use]
pub fn deal_groups(
    labels: &[usize],
    classes: usize,
    order: &[u32],
    groups: &[Option<u32>],
    folds: usize,
) -> Folds {
    let members = members(groups, order);
    let mut total = vec![0usize; classes];
    labels.iter().for_each(|&label| total[label] += 1);
    let mut dealt = vec![None; labels.len()];
    let mut held = vec![vec![0usize; classes]; folds];
    for group in &members {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        group.iter().for_each(|&place| *counts.entry(labels[place]).or_default() += 1);
        let leaves_some =
            |fold: &usize| counts.iter().all(|(&class, &count)| held[*fold][class] + count < total[class]);
        let load = |fold: &usize| {
            let alike: usize = counts.iter().map(|(&class, &count)| count * held[*fold][class]).sum();
            (alike, held[*fold].iter().sum::<usize>())
        };
        let Some(fold) = (0..folds).filter(leaves_some).min_by_key(load) else { continue };
        for &place in group {
            dealt[place] = Some(fold);
            held[fold][labels[place]] += 1;
        }
    }
    dealt
}

/// Indices of the images of each group, groups and images in the order given; an image without a group is one of its own.
#[must_use]
pub fn members(groups: &[Option<u32>], order: &[u32]) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut number: HashMap<u32, usize> = HashMap::new();
    for &place in order {
        let place = place as usize;
        let Some(group) = groups[place] else {
            members.push(vec![place]);
            continue;
        };
        let known = *number.entry(group).or_insert(members.len());
        if known == members.len() {
            members.push(Vec::new());
        }
        members[known].push(place);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fold_has_its_share_and_the_only_image_of_a_class_is_never_held_out() {
        let labels = [vec![0; 11], vec![1; 2], vec![2; 1]].concat();
        let order: Vec<u32> = (0..14).rev().collect();
        for folds in [2, 3, 5] {
            let dealt = deal(&labels, 3, &order, folds);
            assert_eq!(dealt[13], None);
            assert_ne!(dealt[11], dealt[12]);
            let held = |fold| dealt[..11].iter().filter(|held| **held == Some(fold)).count();
            assert!((0..folds).all(|fold| (11 / folds..=11 / folds + 1).contains(&held(fold))), "{dealt:?}");
        }
    }

    #[test]
    fn groups_are_held_out_whole_and_every_class_is_left() {
        let labels: Vec<usize> = (0..60).map(|place| place % 3).collect();
        let groups: Vec<Option<u32>> = (0..60).map(|place| (place < 54).then_some(place / 6)).collect();
        let order: Vec<u32> = (0..60).rev().collect();
        let dealt = deal_groups(&labels, 3, &order, &groups, 5);
        assert!(dealt.iter().all(Option::is_some));
        for group in 0..9 {
            let of_group: Vec<_> = (0..60).filter(|&place| groups[place] == Some(group)).collect();
            assert!(of_group.iter().all(|&place| dealt[place] == dealt[of_group[0]]), "group {group}");
        }
        let held = |fold| dealt.iter().filter(|held| **held == Some(fold)).count();
        assert!((0..5).all(|fold| (6..=18).contains(&held(fold))), "{dealt:?}");
    }

    #[test]
    fn a_rare_class_is_never_wholly_in_one_fold() {
        // Both groups of the rare class go where the frequent one is rarest, unless that leaves none to learn from.
        let frequent = 40;
        let labels: Vec<usize> = [vec![0], vec![1; frequent], vec![0]].concat();
        let mut groups: Vec<Option<u32>> = vec![None; labels.len()];
        groups[0] = Some(0);
        (groups[frequent], groups[frequent + 1]) = (Some(1), Some(1));
        let order: Vec<u32> = (0..u32::try_from(labels.len()).unwrap()).collect();
        for folds in 2..6 {
            let dealt = deal_groups(&labels, 2, &order, &groups, folds);
            assert!(dealt[0].is_some() && dealt[frequent + 1].is_some());
            assert_ne!(dealt[0], dealt[frequent + 1], "{folds} folds");
            assert_eq!(dealt[frequent], dealt[frequent + 1]);
        }
        // The only group of a class stays whole where it is never held out.
        let dealt = deal_groups(
            &[0, 0, 1, 1, 1],
            2,
            &[0, 1, 2, 3, 4],
            &[Some(0), Some(0), Some(0), Some(1), Some(2)],
            2,
        );
        assert_eq!(dealt[..3], [None; 3]);
        assert_ne!(dealt[3], dealt[4]);
    }
}
