//! What an optimizer remembers, as named tensors that can be written and read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backbone::digest;
use checkpoint::Dtype;
use checkpoint::safetensors_file::{self, ArrayView};
use tch::{Kind, Tensor};

use super::{Memory, Optimizer, laid_as};

/// Everything an [`Optimizer`] remembers of its parameters: with the weights themselves, all that a later process needs
/// to go on as if nothing had happened.
#[derive(Debug, Default)]
pub struct OptimizerState {
    /// Parameter -> steps taken with it.
    pub steps: BTreeMap<String, i32>,
    /// `first.PARAMETER` (momentum, or Adam's mean of gradients) and `second.PARAMETER` (mean of squared gradients).
    pub tensors: BTreeMap<String, Tensor>,
}

/// Why an optimizer's state could not be written, read or taken over.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A tensor of a parameter that is not trained, or of another shape or type.
    #[error("the optimizer's state does not fit: {name} {problem}")]
    Misfit {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that holds no optimizer's state.
    #[error("{} holds no optimizer's state: {problem}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A tensor of a type that is not saved.
    #[error("cannot write the optimizer's state: {0:?} tensors are not saved")]
    Unsaved(Kind),
    /// A file that could not be read or written.
    #[error(transparent)]
    File(#[from] checkpoint::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl Optimizer {
    /// A copy of everything that is remembered.
    #[must_use]
    pub fn state(&self) -> OptimizerState {
        let mut state = OptimizerState::default();
        for (name, memory) in &self.memories {
            state.steps.insert(name.clone(), memory.steps);
            for (slot, tensor) in [("first", &memory.first), ("second", &memory.second)] {
                if let Some(tensor) = tensor {
                    state.tensors.insert(format!("{slot}.{name}"), tensor.copy());
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

const STEPS: &str = "steps.";

impl OptimizerState {
    /// Writes it as safetensors; the file appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        let mut arrays = Vec::new();
        for (name, tensor) in &self.tensors {
            let dtype = match tensor.kind() {
                Kind::Double => Dtype::F64,
                Kind::Float => Dtype::F32,
                Kind::Half => Dtype::F16,
                Kind::BFloat16 => Dtype::Bf16,
                other => return Err(StateError::Unsaved(other)),
            };
            let shape: Vec<usize> =
                tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
            arrays.push((name, shape, dtype, digest::bytes(tensor)?));
        }
        let views = arrays
            .iter()
            .map(|(name, shape, dtype, data)| (name.as_str(), ArrayView { shape, dtype: *dtype, data }));
        let steps = self.steps.iter().map(|(name, steps)| (format!("{STEPS}{name}"), steps.to_string()));
        safetensors_file::write(path, views, &steps.collect())?;
        Ok(())
    }

    /// Reads what [`OptimizerState::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let foreign = |problem: String| StateError::Foreign { path: path.to_path_buf(), problem };
        let file = checkpoint::read(path)?;
        let mut state = Self::default();
        for (key, steps) in &file.metadata {
            let name =
                key.strip_prefix(STEPS).ok_or_else(|| foreign(format!("{key} is no count of steps")))?;
            let count = steps.parse().map_err(|_| foreign(format!("{key} is {steps:?}")))?;
            state.steps.insert(name.to_owned(), count);
        }
        for (name, array) in &file.tensors {
            let kind = match array.dtype {
                Dtype::F64 => Kind::Double,
                Dtype::F32 => Kind::Float,
                Dtype::F16 => Kind::Half,
                Dtype::Bf16 => Kind::BFloat16,
                other => return Err(foreign(format!("{name} holds {other:?} values"))),
            };
            let shape: Vec<i64> =
                array.shape.iter().map(|&side| i64::try_from(side).unwrap_or(i64::MAX)).collect();
            state.tensors.insert(name.clone(), Tensor::f_from_data_size(&array.data, &shape, kind)?);
        }
        Ok(state)
    }
}
