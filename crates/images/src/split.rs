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

/// Splits off `fraction` of every class (rounded, never the whole class): `(training, validation)`, order kept.
pub(crate) fn stratified(samples: Vec<Sample>, fraction: f64, seed: u64) -> (Vec<Sample>, Vec<Sample>) {
    let mut held_out = vec![false; samples.len()];
    for ranked in ranked_by_class(&samples, Purpose::Split, seed).values() {
        let share = (ranked.len() as f64 * fraction).round() as usize;
        let share = share.min(ranked.len() - 1);
        ranked[..share].iter().for_each(|&index| held_out[index] = true);
    }
    let mut held_out = held_out.into_iter();
    let (validation, training) = samples.into_iter().partition(|_| held_out.next() == Some(true));
    (training, validation)
}

/// The indices of each class, ranked by a random number that depends on the seed and the sample's id alone: a new
/// picture changes no other picture's rank.
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
