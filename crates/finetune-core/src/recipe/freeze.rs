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
    let names = |ids: &mut dyn Iterator<Item = StageId>| -> String {
        ids.map(|id| backbone.name(id)).collect::<Vec<_>>().join(", ")
    };
    let what = if let Some(low_rank) = plan.low_rank {
        let body = || backbone.ids().filter(|&id| id < backbone.first_new());
        let adapted = || body().filter(|&id| id >= plan.first_live && backbone.largest_rank(id).is_some());
        let updates: u64 = adapted().map(|id| backbone.update_count(id, low_rank)).sum();
        format!(
            "will train updates of rank {} of attention in {}, {updates} values, and the head; all {} parameters before it stay as they are",
            low_rank.rank,
            names(&mut adapted()),
            count(&mut body())
        )
    } else if inputs.plan.depth == Depth::Scratch {
        "froze nothing: the whole network is trained from random weights".to_owned()
    } else {
        let named = names(&mut live().filter(|&id| !backbone.roots(id).is_empty()));
        format!("will train {named}; {} of {all} parameters stay frozen", all - trained)
    };
    Ok(Step { made: Frozen { loaded, plan }, what })
}
