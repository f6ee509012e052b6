//! Learning rates that fall from block to block of a stage.

use crate::stage::Stage;

/// How learning rates fall from a stage's last block to its first ("layer decay", Clark et al. 2020).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockDecay {
    /// Factor from each block to the one before it.
    pub decay: f64,
    /// The least multiple of the run's learning rate.
    pub floor: f64,
}

impl BlockDecay {
    /// Returns a learning rate after as many blocks, without a floor.
    #[must_use]
    pub fn after(self, rate: f64, blocks: usize) -> f64 {
        rate * (0..blocks).fold(1.0, |product, _| product * self.decay)
    }

    /// Returns the learning rate of a variable of a stage whose last block has `rate`.
    #[must_use]
    pub fn rate_of(self, stage: &Stage, variable: &str, rate: f64) -> f64 {
        match stage.layers_after(variable) {
            0 => rate,
            blocks => self.after(rate, blocks).max(self.floor.min(rate)),
        }
    }
}
