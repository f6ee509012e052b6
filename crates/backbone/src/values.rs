use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

/// What the parameters of a network hold when it has been built. Each is drawn from a generator of its own, seeded from
/// the seed and its name: a head is the same whether the body was drawn or loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Random numbers, from TorchVision's distributions.
    Drawn {
        /// Decides all of them.
        seed: u64,
    },
    /// NaN, in no memory, until a checkpoint is loaded ([`Backbone::load`](crate::Backbone::load)); what it lacks is drawn
    /// then.
    Awaited {
        /// Decides what is drawn.
        seed: u64,
    },
    /// NaN, in no memory: good for names, shapes and [`Trace`](crate::Trace) only.
    Outline,
}

impl Default for Values {
    fn default() -> Self {
        Self::Drawn { seed: 0 }
    }
}

/// The seed of one variable.
pub(crate) fn seed_of(seed: u64, name: &str) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    digest.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// NaN of this shape, all of it one number in memory.
pub(crate) fn no_values(shape: &[i64]) -> Tensor {
    Tensor::full([1], f64::NAN, (Kind::Float, Device::Cpu)).expand(shape, false)
}
