use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A seeded order of `0..n`, another one for each epoch.
pub fn shuffled(n: usize, seed: u64, epoch: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(n).unwrap_or(u32::MAX)).collect();
    order.shuffle(&mut stream(Purpose::Shuffle, seed, [epoch.into(), 0]));
    order
}

/// What a stream of random numbers is for: streams of different purposes are independent.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Shuffle = 1,
    Split = 2,
    Subset = 3,
    Augment = 4,
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
}
