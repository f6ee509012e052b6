use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A seeded order of `0..n`, another one for each epoch.
pub fn shuffled(n: usize, seed: u64, epoch: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
    order.shuffle(&mut stream(Purpose::Shuffle, seed, [epoch.into(), 0]));
    order
}

/// A seeded order of as many places as there are labels, in which every class stands equally often, one more or less.
///
/// A class with few images is repeated and one with many shows a part of them; none comes again before all of its class
/// have been shown.
pub fn balanced(labels: &[usize], seed: u64, epoch: u32) -> Vec<u32> {
    let mut random = stream(Purpose::Shuffle, seed, [epoch.into(), 1]);
    let mut classes: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for (&label, place) in labels.iter().zip(0..) {
        classes.entry(label).or_default().push(place);
    }
    let mut classes: Vec<Vec<u32>> = classes.into_values().collect();
    // Which classes stand once more than the others is left to chance.
    classes.shuffle(&mut random);
    let (each, more) = match classes.len() {
        0 => (0, 0),
        count => (labels.len() / count, labels.len() % count),
    };
    let mut order = Vec::with_capacity(labels.len());
    for (number, places) in classes.iter_mut().enumerate() {
        let mut wanted = each + usize::from(number < more);
        while wanted > 0 {
            places.shuffle(&mut random);
            order.extend(places.iter().take(wanted));
            wanted -= wanted.min(places.len());
        }
    }
    order.shuffle(&mut random);
    order
}

/// What a stream of random numbers is for: streams of different purposes are independent.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Shuffle = 1,
    Split = 2,
    Subset = 3,
    Augment = 4,
    Folds = 5,
}

/// The random numbers that belong to a purpose, a seed and two further words (an epoch, a sample's id).
pub(crate) fn stream(purpose: Purpose, seed: u64, words: [u64; 2]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([purpose as u64, seed, words[0], words[1]]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation_that_seed_and_epoch_decide() {
        let order = shuffled(100, 7, 3);
        assert_eq!(order, shuffled(100, 7, 3));
        assert_ne!(order, shuffled(100, 7, 4));
        assert_ne!(order, shuffled(100, 8, 3));
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_balanced_order_shows_every_class_equally_often_and_wastes_no_image() {
        let labels = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2]; // 7, 2, 2
        let order = balanced(&labels, 5, 1);
        assert_eq!(order, balanced(&labels, 5, 1));
        assert_ne!(order, balanced(&labels, 5, 2));
        let count = |class| order.iter().filter(|&&place| labels[place as usize] == class).count();
        let mut counts = [count(0), count(1), count(2)];
        counts.sort_unstable();
        assert_eq!(counts, [3, 4, 4]);
        for place in 7..11 {
            let shown = order.iter().filter(|&&other| other == place).count();
            assert!((1..=2).contains(&shown), "{place}: {order:?}");
        }
        assert!(balanced(&[], 0, 0).is_empty());
    }
}
