//! Step 2: which stages are trained.

use backbone::StageId;
use records::Depth;
use training::freeze::FreezePlan;

use super::gather::freeze_plan;
use super::load::Loaded;
use super::step::{Inputs, Step};
use crate::Error;

/// The network, and which of its stages the step `fine-tune` trains.
pub(super) struct Frozen {
    pub(super) loaded: Loaded,
    pub(super) plan: FreezePlan,
}

/// Applies the depth of the run to the network.
///
/// # Errors
/// At the key that names a stage which the network does not have.
pub(super) fn freeze(inputs: &Inputs<'_>, loaded: Loaded) -> Result<Step<Frozen>, Error> {
    let backbone = &loaded.backbone;
    let plan = freeze_plan(inputs.run, backbone)?;
    let live = || backbone.ids().filter(|&id| id >= plan.first_live);
    let count =
        |ids: &mut dyn Iterator<Item = StageId>| -> u64 { ids.map(|id| backbone.parameter_count(id)).sum() };
    let (all, trained) = (count(&mut backbone.ids()), count(&mut live()));
    let what = if inputs.plan.depth == Depth::Scratch {
        "froze nothing: the whole network is trained from random weights".to_owned()
    } else {
        let named = live().filter(|&id| !backbone.roots(id).is_empty());
        let names: Vec<_> = named.map(|id| backbone.name(id)).collect();
        format!("will train {}; {} of {all} parameters stay frozen", names.join(", "), all - trained)
    };
    Ok(Step { made: Frozen { loaded, plan }, what })
}
