//! Networks of which low-rank updates are trained in place of their weights.

use std::collections::BTreeMap;

use tch::Tensor;

use super::Backbone;
use crate::layers::LinearInit;
use crate::low_rank::{Adaptable, LowRank, Update};
use crate::stage::StageId;
use crate::variables::{Role, Variable};

impl Backbone {
    /// Gives each projection of attention in the stages from `first` on a low-rank update, as far as they come from the source. The
    /// updates become the parameters of these stages, and what was is constant, until [`Backbone::merge`]. Their initial values
    /// follow from the seed and their names, and add nothing yet.
    pub fn adapt(&mut self, first: StageId, how: LowRank) {
        self.merge();
        let (device, kind) = self.placement();
        let stages: Vec<StageId> = self.adapted_stages(first).collect();
        for &id in &stages {
            let constant: Vec<String> =
                self.parameters(id).into_iter().map(|variable| variable.name).collect();
            self.set_constant(id);
            self.variables.assign(Role::Constant, &constant);
            for weight in self.adaptable(id) {
                self.update(&weight, how);
            }
        }
        self.draw_awaited();
        self.to(device, kind);
        self.freeze_before(self.first_live());
    }

    /// Adds the updates to their weights, which become parameters again with all that was constant. Without updates nothing changes.
    ///
    /// # Panics
    /// As every operation of tch, when a libtorch call fails.
    pub fn merge(&mut self) {
        let weights = self.variables.all_adaptable();
        let mut updates = Vec::new();
        for weight in weights {
            if let Some(whole) = weight.whole() {
                tch::no_grad(|| weight.weight.shallow_clone().copy_(&whole));
                weight.put(None);
                updates.extend(weight.names());
            }
        }
        if updates.is_empty() {
            return;
        }
        self.variables.remove(&updates);
        let all = self.variables.all().into_iter();
        let constant: Vec<String> =
            all.filter(|variable| variable.role == Role::Constant).map(|variable| variable.name).collect();
        self.variables.assign(Role::Parameter, &constant);
        self.freeze_before(self.first_live());
    }

    /// Number of values in the updates that [`Backbone::adapt`] would give a stage.
    #[must_use]
    pub fn update_count(&self, id: StageId, how: LowRank) -> u64 {
        let shapes = self.adaptable(id).into_iter().flat_map(|weight| weight.shapes(how.rank));
        shapes.map(|[rows, columns]| (rows * columns).unsigned_abs()).sum()
    }

    /// The largest rank that an update of each projection of a stage can have; `None` where the stage has no attention.
    #[must_use]
    pub fn largest_rank(&self, id: StageId) -> Option<i64> {
        self.adaptable(id).iter().map(Adaptable::largest_rank).min()
    }

    /// The variables of all stages as the network has them without updates: these are in the weights.
    #[must_use]
    pub fn merged_variables(&self) -> Vec<Variable> {
        merged(self.variables.all(), &self.variables.all_adaptable())
    }

    /// The variables of a stage as [`Backbone::merged_variables`].
    #[must_use]
    pub fn merged_variables_of(&self, id: StageId) -> Vec<Variable> {
        merged(self.stage_variables(id), &self.adaptable(id))
    }

    /// The stages from one on that come from the source.
    fn adapted_stages(&self, first: StageId) -> impl Iterator<Item = StageId> + use<> {
        let new = self.first_new();
        self.ids().filter(move |&id| id >= first && id < new)
    }

    fn adaptable(&self, id: StageId) -> Vec<Adaptable> {
        self.variables.adaptable_below(&self.roots(id))
    }

    /// No parameter of a stage asks for a gradient any more.
    fn set_constant(&self, id: StageId) {
        for mut variable in self.parameters(id) {
            variable.tensor = variable.tensor.set_requires_grad(false);
            variable.tensor.zero_grad();
        }
    }

    /// Makes A and B of a weight.
    fn update(&self, weight: &Adaptable, how: LowRank) {
        let path = self.variables.root().descend(&weight.name);
        let [of_a, of_b] = weight.shapes(how.rank);
        let [_, inputs] = weight.size();
        let [a, b] = crate::low_rank::NAMES;
        let a: Tensor = path.random(a, &of_a, LinearInit::TorchDefault.weight(inputs, of_a[0]));
        let b: Tensor = path.random(b, &of_b, LinearInit::Zero.weight(how.rank, of_b[0]));
        weight.put(Some(Update { a, b, parts: weight.parts, scale: how.alpha / how.rank as f64 }));
    }
}

/// Variables without updates, these in their weights.
fn merged(variables: Vec<Variable>, weights: &[Adaptable]) -> Vec<Variable> {
    let mut whole = BTreeMap::new();
    let mut updates = Vec::new();
    for weight in weights {
        if let Some(tensor) = weight.whole() {
            updates.extend(weight.names());
            whole.insert(weight.name.clone(), tensor);
        }
    }
    let others = variables.into_iter().filter(|variable| !updates.contains(&variable.name));
    others
        .map(|variable| match whole.remove(&variable.name) {
            Some(tensor) => Variable { tensor, ..variable },
            None => variable,
        })
        .collect()
}
