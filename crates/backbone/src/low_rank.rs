//! Low-rank updates of weights that stay as they are (Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021).
//!
//! In place of a weight W, `[outputs, inputs]`, its update is trained: the layer computes with W + (α / r) B A, where A is
//! `[r, inputs]` and B `[outputs, r]`. With a small rank r these are few values, and an optimizer remembers little. B begins at
//! zero, so that training begins with exactly the source's function; A begins uniform in ±1/√inputs, as a new linear layer does
//! and as the library peft has it (the paper's is normal). A weight that computes several things at once (queries, keys and values) has
//! an update of this rank for each.

use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

/// How low-rank updates are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowRank {
    /// Rank of each, at least 1.
    pub rank: i64,
    /// α: an update counts α / rank times.
    pub alpha: f64,
}

/// A weight that can get a low-rank update, shared between its layer and the network.
#[derive(Debug)]
pub(crate) struct Adaptable {
    /// Its name.
    pub(crate) name: String,
    /// `[outputs, inputs]`.
    pub(crate) weight: Tensor,
    /// Number of things that it computes: groups of outputs of one size.
    pub(crate) parts: i64,
    update: Arc<Mutex<Option<Update>>>,
}

/// The update of a weight.
#[derive(Debug)]
pub(crate) struct Update {
    /// A of each part, `[parts * rank, inputs]`.
    pub(crate) a: Tensor,
    /// B of each part, `[outputs, rank]`.
    pub(crate) b: Tensor,
    /// Number of parts.
    pub(crate) parts: i64,
    /// α / rank.
    pub(crate) scale: f64,
}

/// Last parts of the names of A and B, below the name of their weight.
pub(crate) const NAMES: [&str; 2] = ["lora_a", "lora_b"];

impl Adaptable {
    /// A weight without an update.
    pub(crate) fn new(name: String, weight: Tensor, parts: i64) -> Self {
        Self { name, weight, parts, update: Arc::default() }
    }

    /// Shapes of A and B.
    pub(crate) fn shapes(&self, rank: i64) -> [[i64; 2]; 2] {
        let [outputs, inputs] = self.size();
        [[self.parts * rank, inputs], [outputs, rank]]
    }

    /// The smaller side of a part: no update of it has a higher rank.
    pub(crate) fn largest_rank(&self) -> i64 {
        let [outputs, inputs] = self.size();
        inputs.min(outputs / self.parts)
    }

    /// Number of values that it takes in and gives.
    pub(crate) fn size(&self) -> [i64; 2] {
        match self.weight.size()[..] {
            [outputs, inputs] => [outputs, inputs],
            _ => [0, 0],
        }
    }

    /// Names of A and B.
    pub(crate) fn names(&self) -> [String; 2] {
        NAMES.map(|name| format!("{}.{name}", self.name))
    }

    /// Gives it an update, or takes it away.
    pub(crate) fn put(&self, update: Option<Update>) {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner) = update;
    }

    /// Computes with its update; `None` where there is none.
    pub(crate) fn with_update<R>(&self, compute: impl FnOnce(&Update) -> R) -> Option<R> {
        self.update.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(compute)
    }

    /// The weight with its update in it, `[outputs, inputs]`; `None` where there is none.
    pub(crate) fn whole(&self) -> Option<Tensor> {
        self.with_update(|update| update.added_to(&self.weight))
    }
}

impl Clone for Adaptable {
    /// A second handle on the same weight and update.
    fn clone(&self) -> Self {
        let Self { name, weight, parts, update } = self;
        Self { name: name.clone(), weight: weight.shallow_clone(), parts: *parts, update: Arc::clone(update) }
    }
}

impl Update {
    /// (α / r) B A x: `[.., inputs]` -> `[.., outputs]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Tensor {
        let inner = x.linear(&self.a, None::<&Tensor>) * self.scale; // [.., parts * rank]
        let of_parts = inner.chunk(self.parts, -1).into_iter().zip(self.b.chunk(self.parts, 0));
        let outputs = of_parts.map(|(inner, b)| inner.linear(&b, None::<&Tensor>));
        Tensor::cat(&outputs.collect::<Vec<_>>(), -1)
    }

    /// W + (α / r) B A, `[outputs, inputs]`, detached; W itself to the bit while B is zero.
    fn added_to(&self, weight: &Tensor) -> Tensor {
        let _no_gradient = tch::no_grad_guard();
        let weight = weight.detach();
        if self.b.abs().max().double_value(&[]) == 0.0 {
            return weight;
        }
        let of_parts = self.a.chunk(self.parts, 0).into_iter().zip(self.b.chunk(self.parts, 0));
        let products = of_parts.map(|(a, b)| b.matmul(&a));
        weight + Tensor::cat(&products.collect::<Vec<_>>(), 0) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn matrix(rows: i64, columns: i64, values: &[f64]) -> Tensor {
        Tensor::from_slice(values).view([rows, columns])
    }

    /// Two parts of two outputs each, of three inputs, at rank 1 and α = 2; worked out by hand.
    #[test]
    fn each_part_of_a_weight_has_an_update_of_its_own() {
        let update = Update {
            a: matrix(2, 3, &[1.0, 0.0, 2.0, 0.0, 3.0, -1.0]),
            b: matrix(4, 1, &[1.0, 2.0, -1.0, 4.0]),
            parts: 2,
            scale: 2.0,
        };
        // The first part reads x0 + 2 x2 = 7, the second 3 x1 - x2 = 3.
        let x = matrix(1, 3, &[1.0, 2.0, 3.0]);
        assert_eq!(Vec::<Vec<f64>>::try_from(update.forward(&x)).unwrap(), [[14.0, 28.0, -6.0, 24.0]]);
        let weight = Tensor::ones([4, 3], (Kind::Double, Device::Cpu));
        let whole = Vec::<Vec<f64>>::try_from(update.added_to(&weight)).unwrap();
        assert_eq!(whole, [[3.0, 1.0, 5.0], [5.0, 1.0, 9.0], [1.0, -5.0, 3.0], [1.0, 25.0, -7.0]]);

        let adaptable = Adaptable::new("w".to_owned(), weight, 2);
        assert_eq!((adaptable.shapes(1), adaptable.largest_rank()), ([[2, 3], [4, 1]], 2));
        assert!(adaptable.whole().is_none());
        let zero = Update { b: update.b.zeros_like(), ..update };
        let negative = matrix(1, 3, &[-0.0, 1.0, -2.0]);
        let same = zero.added_to(&negative);
        assert_eq!(
            same.data_ptr(),
            negative.data_ptr(),
            "nothing is added to the source's weights, not even 0"
        );
    }
}
