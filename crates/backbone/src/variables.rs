//! The named tensors of a network, and the paths under which layers make them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Div;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, TchError, Tensor};

use crate::distribution::Distribution;
use crate::low_rank::Adaptable;
use crate::prepared::Prepare;
use crate::refit::Refit;
use crate::running_statistics::RunningStatistics;
use crate::values::{Values, no_values, seed_of};

/// Whether a tensor is trained or only carried along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trained by gradient descent.
    Parameter,
    /// Part of the state, not trained: batch-norm's running statistics.
    Buffer,
    /// Not trained, and the same all the time: what was a parameter until [`Backbone::adapt`](crate::Backbone::adapt) put updates
    /// in its place.
    Constant,
}

/// One named tensor of a network.
#[derive(Debug)]
pub struct Variable {
    /// TorchVision's name, `layer1.0.conv1.weight`.
    pub name: String,
    /// The tensor, shared with the layer that computes with it.
    pub tensor: Tensor,
    /// Parameter or buffer.
    pub role: Role,
}

impl Clone for Variable {
    /// A second handle on the same tensor.
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), tensor: self.tensor.shallow_clone(), role: self.role }
    }
}

/// All parameters and buffers of a network, in the order in which they were made.
///
/// tch's `VarStore` would do for training, but it renames duplicates silently, has no integer buffers
/// (`num_batches_tracked`), keeps no order and cannot give up a head.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    shared: Arc<Mutex<Vec<Variable>>>,
    preparable: Arc<Mutex<Vec<Preparable>>>,
    /// Those that hold no values yet, and where these come from if no checkpoint has them.
    awaited: Arc<Mutex<BTreeMap<String, Distribution>>>,
    norms: Arc<Mutex<Vec<RunningStatistics>>>,
    /// Weights that can get low-rank updates.
    adaptable: Arc<Mutex<Vec<Adaptable>>>,
    /// Those that a checkpoint may have in another shape.
    refits: Arc<Mutex<BTreeMap<String, Refit>>>,
    /// Those that weight decay leaves alone, besides those of one axis.
    undecayed: Arc<Mutex<BTreeSet<String>>>,
    values: Values,
}

/// A layer that has a faster form for constant weights, and the name of its weight.
type Preparable = (String, Box<dyn Prepare>);

impl Variables {
    /// No variables yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No variables yet; those to come hold `values`.
    #[must_use]
    pub fn holding(values: Values) -> Self {
        Self { values, ..Self::default() }
    }

    /// The path from which names are built.
    #[must_use]
    pub fn root(&self) -> Path {
        Path { variables: self.clone(), prefix: String::new() }
    }

    /// Handles on all variables, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Variable> {
        self.lock().clone()
    }

    /// Handles on the variables below any of these path roots, in order.
    #[must_use]
    pub fn below(&self, roots: &[String]) -> Vec<Variable> {
        self.lock().iter().filter(|variable| owns(roots, &variable.name)).cloned().collect()
    }

    /// Forgets the variables below any of these path roots.
    pub(crate) fn remove(&self, roots: &[String]) {
        self.lock().retain(|variable| !owns(roots, &variable.name));
        self.preparable().retain(|(name, _)| !owns(roots, name));
        self.awaited().retain(|name, _| !owns(roots, name));
        self.norms().retain(|norm| !owns(roots, &norm.name));
        self.adaptable().retain(|weight| !owns(roots, &weight.name));
    }

    /// Changes what the variables of these names are.
    pub(crate) fn assign(&self, role: Role, names: &[String]) {
        let mut variables = self.lock();
        variables
            .iter_mut()
            .filter(|variable| names.contains(&variable.name))
            .for_each(|variable| variable.role = role);
    }

    /// Returns the weights below any of these path roots that can get low-rank updates.
    pub(crate) fn adaptable_below(&self, roots: &[String]) -> Vec<Adaptable> {
        self.adaptable().iter().filter(|weight| owns(roots, &weight.name)).cloned().collect()
    }

    /// Returns all weights that can get low-rank updates.
    pub(crate) fn all_adaptable(&self) -> Vec<Adaptable> {
        self.adaptable().clone()
    }

    fn adaptable(&self) -> MutexGuard<'_, Vec<Adaptable>> {
        self.adaptable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the running statistics of the batch-norms below any of these path roots, in the order in which they were made.
    pub(crate) fn norms_below(&self, roots: &[String]) -> Vec<RunningStatistics> {
        self.norms().iter().filter(|norm| owns(roots, &norm.name)).cloned().collect()
    }

    /// Returns how a variable takes values of another shape, if it does.
    #[must_use]
    pub fn refit(&self, name: &str) -> Option<Refit> {
        self.refits.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Returns whether weight decay leaves a variable alone that has more than one axis: a token, a table of positions.
    #[must_use]
    pub fn is_undecayed(&self, name: &str) -> bool {
        self.undecayed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn norms(&self) -> MutexGuard<'_, Vec<RunningStatistics>> {
        self.norms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a variable these values, of its shape; one that held none keeps the memory of `values`.
    ///
    /// # Errors
    /// When libtorch refuses to copy them.
    pub fn set(&self, variable: &Variable, values: &Tensor) -> Result<(), TchError> {
        let mut tensor = variable.tensor.shallow_clone();
        if self.awaited().remove(&variable.name).is_none() {
            return tch::no_grad(|| tensor.f_copy_(values)).map(drop);
        }
        let values = values.detach().f_to_device(tensor.device())?.f_to_kind(tensor.kind())?;
        tensor.set_data(&values);
        Ok(())
    }

    /// Draws those that hold no values yet.
    pub(crate) fn draw_awaited(&self) {
        let (Values::Drawn { seed } | Values::Awaited { seed }) = self.values else { return };
        let awaited = std::mem::take(&mut *self.awaited());
        for variable in self.lock().iter_mut() {
            if let Some(distribution) = awaited.get(&variable.name) {
                let values = distribution.draw(&variable.tensor.size(), seed_of(seed, &variable.name));
                let (device, kind) = (variable.tensor.device(), variable.tensor.kind());
                variable.tensor.set_data(&values.to_device(device).to_kind(kind));
            }
        }
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<String, Distribution>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to each layer below these path roots that has a faster form for constant weights.
    pub(crate) fn for_each_preparable(&self, roots: &[String], act: impl Fn(&dyn Prepare)) {
        let layers = self.preparable();
        layers.iter().filter(|(name, _)| owns(roots, name)).for_each(|(_, layer)| act(layer.as_ref()));
    }

    fn preparable(&self) -> MutexGuard<'_, Vec<Preparable>> {
        self.preparable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves every variable to a device and every floating-point one to a precision.
    pub fn to(&self, device: Device, kind: Kind) {
        for variable in self.lock().iter_mut() {
            let kind = if variable.tensor.is_floating_point() { kind } else { variable.tensor.kind() };
            let moved = tch::no_grad(|| variable.tensor.to_device(device).to_kind(kind));
            variable.tensor.set_data(&moved);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Variable>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Variable {
    /// Whether it lies below this path root.
    #[must_use]
    pub fn lies_below(&self, root: &str) -> bool {
        lies_below(root, &self.name)
    }
}

/// Whether a variable is one of these roots, or lies below one.
pub(crate) fn owns(roots: &[String], name: &str) -> bool {
    roots.iter().any(|root| root == name || lies_below(root, name))
}

/// Whether a name is that of a root, a dot, and more.
pub(crate) fn lies_below(root: &str, name: &str) -> bool {
    name.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'))
}

/// Where in the tree of names a layer puts its variables: `&path / "layer1" / 0 / "conv1"`.
#[derive(Clone, Debug)]
pub struct Path {
    variables: Variables,
    prefix: String,
}

impl Path {
    /// Registers a parameter, which from now on asks for its gradient.
    ///
    /// # Panics
    /// When the name is taken: two layers of one network under one name is a mistake in its constructor.
    pub fn parameter(&self, name: &str, value: Tensor) -> Tensor {
        self.add(name, value.set_requires_grad(true), Role::Parameter)
    }

    /// Registers a buffer.
    ///
    /// # Panics
    /// When the name is taken, as [`Path::parameter`].
    pub fn buffer(&self, name: &str, value: Tensor) -> Tensor {
        self.add(name, value, Role::Buffer)
    }

    /// Registers a parameter of random numbers around 0 with this deviation.
    ///
    /// # Panics
    /// When the name is taken, as [`Path::parameter`].
    pub fn normal(&self, name: &str, shape: &[i64], deviation: f64) -> Tensor {
        self.random(name, shape, Distribution::Normal { deviation })
    }

    /// The same, cut off at ±2 (`torch.nn.init.trunc_normal_`).
    ///
    /// # Panics
    /// When the name is taken, as [`Path::parameter`].
    pub fn truncated_normal(&self, name: &str, shape: &[i64], deviation: f64) -> Tensor {
        self.random(name, shape, Distribution::TruncatedNormal { deviation })
    }

    /// Makes known that a checkpoint may have a variable of here in another shape, and what then becomes of its values.
    pub fn refitted(&self, name: &str, refit: Refit) {
        let refits = &self.variables.refits;
        refits.lock().unwrap_or_else(PoisonError::into_inner).insert(self.join(name), refit);
    }

    /// Makes known that weight decay leaves a variable of here alone.
    pub fn undecayed(&self, name: &str) {
        self.variables.undecayed.lock().unwrap_or_else(PoisonError::into_inner).insert(self.join(name));
    }

    /// Registers a parameter of random numbers, which are drawn now, later or never as [`Values`] says.
    ///
    /// # Panics
    /// When the name is taken, as [`Path::parameter`].
    pub(crate) fn random(&self, name: &str, shape: &[i64], distribution: Distribution) -> Tensor {
        let whole = self.join(name);
        let value = match self.variables.values {
            Values::Drawn { seed } => distribution.draw(shape, seed_of(seed, &whole)),
            Values::Awaited { .. } => {
                self.variables.awaited().insert(whole, distribution);
                no_values(shape)
            }
            Values::Outline => no_values(shape),
        };
        self.parameter(name, value)
    }

    /// Makes known that the layer whose weight lies here has a faster form for constant weights.
    pub(crate) fn can_be_prepared(&self, layer: impl Prepare + 'static) {
        self.variables.preparable().push((self.join("weight"), Box::new(layer)));
    }

    /// Makes known that a weight can get a low-rank update.
    pub(crate) fn can_be_adapted(&self, weight: Adaptable) {
        self.variables.adaptable().push(weight);
    }

    /// Makes the running statistics known of the batch-norm that lies here: mean and variance `[C]`, the number of batches, and the
    /// share of a batch in them.
    pub(crate) fn has_statistics(&self, [mean, variance, batches]: [&Tensor; 3], momentum: f64) {
        let [mean, variance, batches] = [mean, variance, batches].map(Tensor::shallow_clone);
        let name = self.prefix.clone();
        self.variables.norms().push(RunningStatistics { name, mean, variance, batches, momentum });
    }

    /// All variables of the network under construction.
    #[must_use]
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The name that variables here are below.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.prefix
    }

    /// The path for a dotted name below this one, `classifier.6`.
    #[must_use]
    pub fn descend(&self, dotted: &str) -> Path {
        dotted.split('.').fold(self.clone(), |path, part| path / part)
    }

    fn add(&self, name: &str, tensor: Tensor, role: Role) -> Tensor {
        let name = self.join(name);
        let mut variables = self.variables.lock();
        assert!(variables.iter().all(|other| other.name != name), "the variable {name} is made twice");
        variables.push(Variable { name, tensor: tensor.shallow_clone(), role });
        tensor
    }

    fn join(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }
}

impl<T: ToString> Div<T> for &Path {
    type Output = Path;

    fn div(self, part: T) -> Path {
        Path { variables: self.variables.clone(), prefix: self.join(&part.to_string()) }
    }
}

impl<T: ToString> Div<T> for Path {
    type Output = Path;

    fn div(self, part: T) -> Path {
        &self / part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_own_whole_components_only() {
        let variables = Variables::new();
        let path = variables.root();
        for name in ["layer1", "layer10"] {
            let _ = (&path / name / 0).parameter("weight", Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        }
        let names: Vec<_> = variables.below(&["layer1".into()]).into_iter().map(|v| v.name).collect();
        assert_eq!(names, ["layer1.0.weight"]);
    }

    #[test]
    fn moving_keeps_integers_and_reaches_the_layers_handle() {
        let variables = Variables::new();
        let weight = variables.root().parameter("weight", Tensor::zeros([2], (Kind::Float, Device::Cpu)));
        let count = variables.root().buffer("count", Tensor::zeros([], (Kind::Int64, Device::Cpu)));
        variables.to(Device::Cpu, Kind::Double);
        assert_eq!((weight.kind(), count.kind()), (Kind::Double, Kind::Int64));
        assert!(weight.requires_grad());
    }

    #[test]
    #[should_panic(expected = "made twice")]
    fn one_name_is_one_variable() {
        let path = Variables::new().root();
        for _ in 0..2 {
            let _ = path.buffer("x", Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        }
    }
}
