use std::collections::BTreeMap;

use rand::Rng;

use crate::random::{Purpose, stream};
use crate::{Error, Sample};

/// A seeded subset with `per_class` samples of every class, in the order of `samples`.
///
/// Subsets of one seed are nested: that of 3 per class contains that of 1 per class.
///
/// # Errors
/// [`Error::TooFew`] if a class has fewer.
pub fn take_per_class(samples: &[Sample], per_class: u32, seed: u64) -> Result<Vec<Sample>, Error> {
    let mut chosen = vec![false; samples.len()];
    for (label, ranked) in ranked_by_class(samples, Purpose::Subset, seed) {
        let wanted = ranked.get(..per_class as usize).ok_or_else(|| Error::TooFew {
            wanted: per_class,
            available: ranked.len(),
            label,
            example: samples[ranked[0]].path.clone(),
        })?;
        wanted.iter().for_each(|&index| chosen[index] = true);
    }
    let subset = samples.iter().zip(chosen).filter(|(_, chosen)| *chosen);
    Ok(subset.map(|(sample, _)| sample.clone()).collect())
}

/// Training and validation samples.
pub(crate) struct Parts {
    pub(crate) training: Vec<Sample>,
    pub(crate) validation: Vec<Sample>,
}

/// Splits off `fraction` of every class (rounded, never the whole class), in the order of `samples`. Samples of one group
/// stay together; then the shares are as near as whole groups allow.
pub(crate) fn split_off(samples: Vec<Sample>, fraction: f64, seed: u64) -> Parts {
    let held_out = if samples.iter().any(|sample| sample.group.is_some()) {
        grouped(&samples, fraction, seed)
    } else {
        stratified(&samples, fraction, seed)
    };
    let mut held_out = held_out.into_iter();
    let (validation, training) = samples.into_iter().partition(|_| held_out.next() == Some(true));
    Parts { training, validation }
}

/// Images that a class needs so that `fraction` of them (above 0, below 1), rounded, is at least one and not all.
#[must_use]
pub fn needed_to_hold_out(fraction: f64) -> usize {
    (2..=1000).find(|&images| held(images, fraction) > 0).unwrap_or(1000)
}

/// Number of images of a class that are held out.
fn held(images: usize, fraction: f64) -> usize {
    let share = (images as f64 * fraction).round() as usize;
    share.min(images.saturating_sub(1))
}

fn stratified(samples: &[Sample], fraction: f64, seed: u64) -> Vec<bool> {
    let mut held_out = vec![false; samples.len()];
    for ranked in ranked_by_class(samples, Purpose::Split, seed).values() {
        ranked[..held(ranked.len(), fraction)].iter().for_each(|&index| held_out[index] = true);
    }
    held_out
}

/// Holds out whole groups in a seeded order, each if it brings the classes nearer to their shares and leaves an image of
/// every class to train on. A sample without a group is a group of its own.
fn grouped(samples: &[Sample], fraction: f64, seed: u64) -> Vec<bool> {
    let classes = samples.iter().map(|sample| sample.label + 1).max().unwrap_or(0);
    let mut groups: BTreeMap<(bool, u64), Vec<usize>> = BTreeMap::new();
    for (index, sample) in samples.iter().enumerate() {
        let key = sample.group.map_or((false, sample.id), |group| (true, group.into()));
        groups.entry(key).or_default().push(index);
    }
    let mut total = vec![0usize; classes];
    samples.iter().for_each(|sample| total[sample.label] += 1);
    let wanted: Vec<f64> = total.iter().map(|&count| held(count, fraction) as f64).collect();
    // By the smallest id within: another group changes no group's rank.
    let mut ranked: Vec<(u64, u64, Vec<usize>)> = groups
        .into_values()
        .map(|members| {
            let id = members.iter().map(|&index| samples[index].id).min().unwrap_or(0);
            (stream(Purpose::Split, seed, [id, 0]).next_u64(), id, members)
        })
        .collect();
    ranked.sort_unstable();
    let mut held_out = vec![false; samples.len()];
    let mut held = vec![0usize; classes];
    for (_, _, members) in ranked {
        let mut counts = vec![0usize; classes];
        members.iter().for_each(|&index| counts[samples[index].label] += 1);
        let leaves_some =
            (0..classes).all(|class| counts[class] == 0 || held[class] + counts[class] < total[class]);
        let off = |held: f64, class: usize| (held - wanted[class]).powi(2) / (total[class].max(1) as f64);
        let gain: f64 = (0..classes)
            .map(|class| off(held[class] as f64, class) - off((held[class] + counts[class]) as f64, class))
            .sum();
        if leaves_some && gain > 0.0 {
            held.iter_mut().zip(&counts).for_each(|(held, count)| *held += count);
            members.iter().for_each(|&index| held_out[index] = true);
        }
    }
    held_out
}

/// The indices of each class, ranked by a random number that depends on the seed and the sample's id alone: a new
/// image changes no other image's rank.
fn ranked_by_class(samples: &[Sample], purpose: Purpose, seed: u64) -> BTreeMap<usize, Vec<usize>> {
    let mut classes = BTreeMap::<usize, Vec<usize>>::new();
    for (index, sample) in samples.iter().enumerate() {
        classes.entry(sample.label).or_default().push(index);
    }
    for ranked in classes.values_mut() {
        ranked.sort_by_cached_key(|&index| {
            let id = samples[index].id;
            (stream(purpose, seed, [id, 0]).next_u64(), id)
        });
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// `groups` groups of `each` images, of two classes in turn.
    fn samples(groups: u32, each: u64) -> Vec<Sample> {
        (0..groups)
            .flat_map(|group| {
                (0..each).map(move |member| Sample {
                    path: PathBuf::from(format!("{group}-{member}")),
                    label: usize::from(member % 2 == 1),
                    id: u64::from(group) * 1000 + member,
                    group: Some(group),
                })
            })
            .collect()
    }

    #[test]
    fn groups_stay_on_one_side_and_shares_are_near() {
        for seed in 0..20 {
            let Parts { training, validation } = split_off(samples(25, 6), 0.2, seed);
            let both =
                training.iter().any(|sample| validation.iter().any(|other| other.group == sample.group));
            assert!(!both, "seed {seed}");
            assert_eq!((training.len(), validation.len()), (120, 30), "seed {seed}");
        }
        let [one, two] = [3, 4].map(|seed| split_off(samples(25, 6), 0.2, seed).validation);
        assert_ne!(one, two);
    }

    #[test]
    fn one_group_cannot_be_divided() {
        let Parts { training, validation } = split_off(samples(1, 10), 0.2, 0);
        assert_eq!((training.len(), validation.len()), (10, 0));
    }

    #[test]
    fn as_many_as_are_needed_hold_one_out_and_fewer_do_not() {
        for fraction in [0.01, 0.1, 0.2, 0.25, 0.5, 0.9] {
            let needed = needed_to_hold_out(fraction);
            assert!(held(needed, fraction) > 0, "{fraction}");
            assert!((1..needed).all(|images| held(images, fraction) == 0), "{fraction}");
        }
        assert_eq!(needed_to_hold_out(0.2), 3);
    }
}
