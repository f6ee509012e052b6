//! Loss scaling: float16's smallest gradients vanish, so the loss is multiplied before they are computed, and they are
//! divided after.

use crate::numbers::{Bits, ScalerNumbers};

/// How much a loss is multiplied, as `torch.amp.GradScaler` does it (Micikevicius et al., "Mixed Precision Training",
/// 2018): as much as the gradients bear. Its numbers are powers of two, which change no digit of a gradient that is
/// within bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaler {
    scale: f64,
    /// Steps with finite gradients since the scale last changed.
    good: u32,
}

const INITIAL: f64 = 65_536.0;
const GROWTH: f64 = 2.0;
const BACKOFF: f64 = 0.5;
/// Steps with finite gradients after which the scale grows.
const GROWTH_INTERVAL: u32 = 2000;
/// Gradients that are out of bounds below this are so by themselves.
const FLOOR: f64 = 1.0;

/// What becomes of a step whose numbers are out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The scale was too large for this step: it is not taken.
    SkipStep,
    /// The training has diverged.
    Diverged,
}

impl Default for Scaler {
    fn default() -> Self {
        Self { scale: INITIAL, good: 0 }
    }
}

impl Scaler {
    /// Returns its numbers, to be saved.
    pub(crate) fn numbers(self) -> ScalerNumbers {
        let Self { scale, good } = self;
        ScalerNumbers { scale: Bits(scale), good }
    }

    /// Returns the scaler of these numbers.
    pub(crate) fn of_numbers(numbers: ScalerNumbers) -> Self {
        let ScalerNumbers { scale, good } = numbers;
        Self { scale: scale.0, good }
    }

    /// Returns what the loss is multiplied by, and its gradients divided; a power of two.
    pub(crate) fn scale(self) -> f64 {
        self.scale
    }

    /// Records a step whose gradients were finite; after enough of them the scale doubles.
    pub(crate) fn good_step(&mut self) {
        self.good += 1;
        if self.good == GROWTH_INTERVAL {
            self.good = 0;
            // Beyond float32 there is no scale.
            if self.scale * GROWTH <= f64::from(f32::MAX) {
                self.scale *= GROWTH;
            }
        }
    }

    /// Records a step whose gradients overflowed: halves the scale.
    pub(crate) fn bad_step(&mut self) -> Verdict {
        self.good = 0;
        self.scale *= BACKOFF;
        if self.scale < FLOOR { Verdict::Diverged } else { Verdict::SkipStep }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_halves_after_a_bad_step_and_doubles_after_2000_good_ones() {
        let mut scaler = Scaler::default();
        assert_eq!((scaler.bad_step(), scaler.scale()), (Verdict::SkipStep, 32_768.0));
        (0..1999).for_each(|_| scaler.good_step());
        assert_eq!(scaler.scale(), 32_768.0);
        scaler.good_step();
        assert_eq!(scaler.scale(), 65_536.0);
        // A bad step among them begins the count again.
        (0..1999).for_each(|_| scaler.good_step());
        assert_eq!((scaler.bad_step(), scaler.scale()), (Verdict::SkipStep, 32_768.0));
        scaler.good_step();
        assert_eq!(scaler.scale(), 32_768.0);
    }

    #[test]
    fn the_scale_stays_a_number_of_float32() {
        let mut scaler = Scaler { scale: 2f64.powi(127), good: 1999 };
        scaler.good_step();
        assert_eq!(scaler.scale(), 2f64.powi(127));
    }

    #[test]
    fn below_one_there_is_nothing_left_to_halve() {
        let mut scaler = Scaler::default();
        for _ in 0..16 {
            assert_eq!(scaler.bad_step(), Verdict::SkipStep);
        }
        assert_eq!((scaler.scale(), scaler.bad_step()), (1.0, Verdict::Diverged));
    }
}
