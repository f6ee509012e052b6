use std::collections::HashMap;

use rand::Rng;
use statistics::folds::{Folds, deal, deal_groups};

use crate::Sample;
use crate::random::{Purpose, stream};

/// The fold, from 0, that holds each sample out, by the seed. Each fold has its share of every class; samples of one group
/// are in one fold, and so are copies: those with the same digest in `sha256s`, which has one for each sample.
///
/// Samples are dealt in an order that depends on the seed and their ids alone.
#[must_use]
pub fn folds(samples: &[&Sample], sha256s: &[&[u8; 32]], folds: usize, seed: u64) -> Folds {
    let mut order: Vec<u32> = (0..u32::try_from(samples.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_cached_key(|&place| {
        let id = samples[place as usize].id;
        (stream(Purpose::Folds, seed, [id, 0]).next_u64(), id)
    });
    let labels: Vec<usize> = samples.iter().map(|sample| sample.label).collect();
    let classes = labels.iter().map(|label| label + 1).max().unwrap_or(0);
    let groups = together(samples, sha256s);
    if groups.iter().all(Option::is_none) {
        deal(&labels, classes, &order, folds)
    } else {
        deal_groups(&labels, classes, &order, &groups, folds)
    }
}

/// The number of what each sample belongs together with, groups and copies joined; `None` for a sample on its own.
fn together(samples: &[&Sample], sha256s: &[&[u8; 32]]) -> Vec<Option<u32>> {
    let mut joined = Joined { parents: (0..samples.len()).collect() };
    let mut of_group: HashMap<u32, usize> = HashMap::new();
    let mut of_digest: HashMap<&[u8; 32], usize> = HashMap::new();
    for (place, sample) in samples.iter().enumerate() {
        if let Some(group) = sample.group {
            joined.join(*of_group.entry(group).or_insert(place), place);
        }
        if let Some(&digest) = sha256s.get(place) {
            joined.join(*of_digest.entry(digest).or_insert(place), place);
        }
    }
    let roots: Vec<usize> = (0..samples.len()).map(|place| joined.root(place)).collect();
    let mut sizes = vec![0usize; samples.len()];
    roots.iter().for_each(|&root| sizes[root] += 1);
    roots.iter().map(|&root| u32::try_from(root).ok().filter(|_| sizes[root] > 1)).collect()
}

/// Sets of samples, each with one of its members as its root.
struct Joined {
    parents: Vec<usize>,
}

impl Joined {
    fn root(&mut self, place: usize) -> usize {
        let mut root = place;
        while self.parents[root] != root {
            root = self.parents[root];
        }
        // The next search takes one step.
        self.parents[place] = root;
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parents[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn samples(count: u64, group: impl Fn(u64) -> Option<u32>) -> Vec<Sample> {
        let sample = |id| Sample {
            path: PathBuf::from(format!("{id}.png")),
            label: usize::from(id % 2 == 1),
            id,
            group: group(id),
        };
        (0..count).map(sample).collect()
    }

    fn dealt(samples: &[Sample], copies: &[(usize, usize)], seed: u64) -> Folds {
        let mut digests: Vec<[u8; 32]> = samples
            .iter()
            .map(|sample| {
                let mut digest = [0; 32];
                digest[..8].copy_from_slice(&sample.id.to_le_bytes());
                digest
            })
            .collect();
        copies.iter().for_each(|&(one, other)| digests[other] = digests[one]);
        let samples: Vec<&Sample> = samples.iter().collect();
        folds(&samples, &digests.iter().collect::<Vec<_>>(), 5, seed)
    }

    #[test]
    fn folds_have_equal_shares_and_depend_on_the_seed_and_no_other_sample() {
        let all = samples(50, |_| None);
        let folds = dealt(&all, &[], 1);
        for fold in 0..5 {
            for class in 0..2 {
                let held = (0..50).filter(|&place| folds[place] == Some(fold) && place % 2 == class);
                assert_eq!(held.count(), 5);
            }
        }
        assert_eq!(folds, dealt(&all, &[], 1));
        assert_ne!(folds, dealt(&all, &[], 2));
    }

    #[test]
    fn groups_and_copies_are_in_one_fold_and_join_each_other() {
        let all = samples(60, |id| (id < 30).then_some(u32::try_from(id / 3).unwrap()));
        for seed in 0..5 {
            // A copy joins two groups, and another a group and a sample of none.
            let folds = dealt(&all, &[(0, 3), (4, 40), (50, 51)], seed);
            assert!(folds.iter().all(Option::is_some));
            let same = |places: &[usize]| places.iter().all(|&place| folds[place] == folds[places[0]]);
            assert!(same(&[0, 1, 2, 3, 4, 5, 40]) && same(&[50, 51]) && same(&[6, 7, 8]), "{folds:?}");
            assert!((0..5).all(|fold| folds.contains(&Some(fold))));
        }
    }
}
