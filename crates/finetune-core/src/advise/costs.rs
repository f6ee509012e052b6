use backbone::{Backbone, StageId};
use features::loader::Variation;
use records::{Depth, DepthCost};
use run_config::Run;
use training::freeze::FreezePlan;

use crate::recipe::{self, Materials};

/// Passes forward that a step of training costs: one forward, two back.
const STEP: f64 = 3.0;

/// Returns the time that training to some depths takes, as a multiple of one run of as many epochs that trains everything. It
/// follows from the multiply-adds of the stages; frozen stages compute once where their features can be kept.
pub(super) fn costs(run: &Run, materials: &Materials, backbone: &Backbone) -> Vec<DepthCost> {
    let epochs = run.config.train.epochs().get();
    let keeps = !matches!(recipe::variation(run, epochs), Variation::Varying);
    let side = i64::from(materials.input.crop);
    let traces = backbone.trace(&[1, materials.input.channels.into(), side, side]);
    let of = |traces: &[backbone::Trace]| traces.iter().map(|trace| trace.multiply_adds as f64).sum::<f64>();
    let all = of(&traces).max(1.0);
    let pass = 1.0 / (STEP * f64::from(epochs));
    let trained = |first: StageId| {
        let share = of(&traces[first.index()..]) / all;
        let frozen = if keeps { 0.0 } else { (1.0 - share) / STEP };
        share + frozen
    };
    let mut costs = vec![DepthCost { depth: "frozen".to_owned(), final_runs: pass }];
    for depth in [Depth::Head, Depth::Last(1), Depth::Last(2), Depth::Last(4), Depth::All] {
        // A small network has no such depth.
        if let Ok(plan) = FreezePlan::new(backbone, &depth, 1.0) {
            costs.push(DepthCost { depth: depth.to_string(), final_runs: trained(plan.first_live) });
        }
    }
    costs
}
