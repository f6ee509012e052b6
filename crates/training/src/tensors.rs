//! The named tensors of a saved state.

use std::collections::BTreeMap;

use tch::Tensor;

/// Tensors of a saved state, by name: `now/` the weights, `start/` those of the epoch's start, `best/` the best of the run,
/// `begin/` those of the phase's start, `average/` their average, `optimizer/` momenta, `attention/` DELTA's, `original/` the
/// head of Co-Tuning.
pub type Tensors = BTreeMap<String, Tensor>;

/// Why a saved state could not be taken over.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A tensor or number that does not belong to this network or phase.
    #[error("the saved state does not fit: {name} {problem}")]
    Misfit {
        /// The tensor or number.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl StateError {
    pub(crate) fn misfit(name: &str, problem: &str) -> Self {
        Self::Misfit { name: name.to_owned(), problem: problem.to_owned() }
    }
}

/// Takes tensors out of a saved state, each once.
#[derive(Debug)]
pub(crate) struct TensorReader(Tensors);

impl TensorReader {
    pub(crate) fn new(tensors: Tensors) -> Self {
        Self(tensors)
    }

    /// Returns whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes the tensor of a name.
    pub(crate) fn take(&mut self, name: &str) -> Result<Tensor, StateError> {
        self.0.remove(name).ok_or_else(|| StateError::misfit(name, "is missing"))
    }

    /// Copies the tensor of a name into another one, which keeps its memory layout.
    pub(crate) fn copy_to(&mut self, name: &str, to: &Tensor) -> Result<(), StateError> {
        let from = self.take(name)?;
        if (from.size(), from.kind()) != (to.size(), to.kind()) {
            return Err(StateError::misfit(name, "is of another shape or type"));
        }
        tch::no_grad(|| to.shallow_clone().f_copy_(&from))?;
        Ok(())
    }

    /// Takes all tensors whose names begin so, and returns them by the rest of their names.
    pub(crate) fn take_below(&mut self, prefix: &str) -> Tensors {
        let (below, others) =
            std::mem::take(&mut self.0).into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.0 = others;
        let below: Tensors = below;
        below.into_iter().map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect()
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self) -> Result<(), StateError> {
        match self.0.into_keys().next() {
            Some(name) => Err(StateError::misfit(&name, "belongs to nothing")),
            None => Ok(()),
        }
    }
}
