//! What is kept of the source network for the techniques that pull towards it.

use std::rc::Rc;

use backbone::{Backbone, StageId};
use regularize::Delta;
use run_config::RegularizeConfig;
use tch::Tensor;

use crate::freeze::FreezePlan;
use crate::penalties::{Attended, Attention, OriginalHead, Penalties, SourceWeights};

/// Weights, network and head of the source; each is `None` or empty where no technique asks for it.
#[derive(Debug, Default)]
pub struct SourceReference {
    /// The transferred weights as they were.
    pub weights: Rc<SourceWeights>,
    /// A whole network of them, for DELTA.
    pub network: Option<Rc<Backbone>>,
    /// The head that was replaced, for Co-Tuning.
    pub original_head: Option<Rc<OriginalHead>>,
}

impl SourceReference {
    /// Returns the penalties of a phase, with DELTA's attention to the channels of each stage.
    #[must_use]
    pub fn penalties(&self, regularize: &RegularizeConfig, attention: Vec<Attention>) -> Penalties {
        let attended = |(delta, network): (Delta, &Rc<Backbone>)| {
            let (network, weights) = (Rc::clone(network), Rc::clone(&self.weights));
            (delta, Attended { network, weights, attention })
        };
        Penalties {
            l1: (regularize.l1.get() > 0.0).then_some((regularize.l1.get(), regularize.decay)),
            l2_sp: regularize.l2_sp.map(|l2_sp| (l2_sp, Rc::clone(&self.weights))),
            delta: regularize.delta.zip(self.network.as_ref()).map(attended),
            shrinkage: regularize.spectral_shrinkage,
            co_tuning: regularize.co_tuning.zip(self.original_head.as_ref().map(Rc::clone)),
        }
    }

    /// Returns the stages whose outputs DELTA compares: those that are trained, have parameters and come from the source.
    #[must_use]
    pub fn compared_stages(&self, backbone: &Backbone, first_live: StageId) -> Vec<StageId> {
        let live = backbone.ids().filter(|&id| id >= first_live && id < backbone.first_new());
        live.filter(|&id| self.network.is_some() && !backbone.roots(id).is_empty()).collect()
    }

    /// Returns the same attention to every channel of each compared stage.
    #[must_use]
    pub fn uniform_attention(&self, backbone: &Backbone, plan: &FreezePlan) -> Vec<Attention> {
        let (device, kind) = backbone.placement();
        let uniform = |stage: StageId| {
            let channels = backbone.stages().get(stage.index()).map_or(1, |stage| stage.channels);
            Attention { stage, weights: Tensor::ones([channels], (kind, device)) / channels as f64 }
        };
        self.compared_stages(backbone, plan.first_live).into_iter().map(uniform).collect()
    }
}
