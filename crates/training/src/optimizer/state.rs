//! What an optimizer remembers, as named tensors.

use std::collections::BTreeMap;

use tch::Tensor;

use super::{Memory, Optimizer, laid_as};
use crate::tensors::StateError;

/// Everything an [`Optimizer`] remembers of its parameters: with the weights themselves, all that a later process needs
/// to go on as if nothing had happened.
#[derive(Debug, Default)]
pub struct OptimizerState {
    /// Parameter -> steps taken with it.
    pub steps: BTreeMap<String, i32>,
    /// `first.PARAMETER` (momentum, or Adam's mean of gradients) and `second.PARAMETER` (mean of squared gradients).
    pub tensors: BTreeMap<String, Tensor>,
}

impl Optimizer {
    /// Returns everything that is remembered; it shares the tensors.
    #[must_use]
    pub fn state(&self) -> OptimizerState {
        // Rule and parameters follow from configuration and network.
        let Self { rule: _, parameters: _, memories } = self;
        let mut state = OptimizerState::default();
        for (name, Memory { steps, first, second }) in memories {
            state.steps.insert(name.clone(), *steps);
            for (slot, tensor) in [("first", first), ("second", second)] {
                if let Some(tensor) = tensor {
                    state.tensors.insert(format!("{slot}.{name}"), tensor.shallow_clone());
                }
            }
        }
        state
    }

    /// Goes on from a state; what was remembered until now is forgotten.
    ///
    /// # Errors
    /// [`StateError::Misfit`], with nothing forgotten.
    pub fn load_state(&mut self, state: &OptimizerState) -> Result<(), StateError> {
        let mut memories: BTreeMap<String, Memory> = BTreeMap::new();
        for (name, &steps) in &state.steps {
            self.trained(name, name)?;
            memories.insert(name.clone(), Memory { steps, ..Memory::default() });
        }
        for (key, tensor) in &state.tensors {
            let misfit =
                |problem: &str| StateError::Misfit { name: key.clone(), problem: problem.to_owned() };
            let (slot, name) = key.split_once('.').ok_or_else(|| misfit("names no parameter"))?;
            let value = self.trained(key, name)?;
            if (value.size(), value.kind()) != (tensor.size(), tensor.kind()) {
                return Err(misfit("is of another shape or type than its parameter"));
            }
            let memory = memories.get_mut(name).ok_or_else(|| misfit("has no count of steps"))?;
            let tensor = Some(laid_as(value, tensor));
            match slot {
                "first" => memory.first = tensor,
                "second" => memory.second = tensor,
                _ => return Err(misfit("is neither first nor second")),
            }
        }
        self.memories = memories;
        Ok(())
    }

    fn trained(&self, key: &str, name: &str) -> Result<&Tensor, StateError> {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        parameter.map(|parameter| &parameter.value).ok_or_else(|| StateError::Misfit {
            name: key.to_owned(),
            problem: "belongs to no parameter that is trained".to_owned(),
        })
    }
}
