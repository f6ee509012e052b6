//! Seeds of libtorch's random numbers, which dropout and stochastic depth draw.

use features::loader::Batch;

use crate::{Phase, TrainingState};

/// Seeds libtorch for a batch, so that what is drawn for it depends on the run's seed, phase, epoch and the number of the
/// batch, and not on what was drawn before.
pub(crate) fn seed_batch(phase: &Phase<'_>, state: &TrainingState, batch: &Batch) {
    let step = u64::try_from(phase.step.number()).unwrap_or(0);
    torch_extra::determinism::seed(mixed([phase.seed, step, state.epoch.into(), batch.number]));
}

/// Returns 32 bits that depend on all of these numbers: `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom
/// Number Generators", 2014), chained over them. Libtorch's generator on a CPU takes the lower 32 bits of a seed alone, so
/// the upper ones, which are mixed best, are moved there.
fn mixed(numbers: [u64; 4]) -> u64 {
    numbers.into_iter().fold(0, |state, number| split_mix(state ^ number)) >> 32
}

fn split_mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn split_mix_is_its_authors() {
        // The first numbers of `splitmix64.c` from state 0.
        let first = [0u64, 1, 2].map(|calls| split_mix(calls.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        assert_eq!(first, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn each_of_the_four_numbers_decides_and_a_seed_has_32_bits() {
        let all = (0..6u64).flat_map(|seed| {
            (4..6).flat_map(move |phase| {
                (1..6).flat_map(move |epoch| (0..50).map(move |number| mixed([seed, phase, epoch, number])))
            })
        });
        let all: Vec<u64> = all.collect();
        assert!(all.iter().all(|&seed| seed <= u64::from(u32::MAX)));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
