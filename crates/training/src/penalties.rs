//! What is added to the cross-entropy against overfitting. The mathematics is in [`regularize`]; here it is decided which
//! weights and features it is about.

use std::collections::BTreeMap;
use std::rc::Rc;

use backbone::{Backbone, Collected, Head, Mode, Module, StageId, Values, Variables};
use features::batches::Batch;
use regularize::{CoTuning, Decay, Delta, L2Sp, SpectralShrinkage, l1};
use tch::Tensor;

use super::optimizer::Trainable;

/// The key of the technique that trains a head beside the network.
pub const CO_TUNING: &str = "regularize.co_tuning";

/// The penalties of a training step; none by default.
#[derive(Debug, Default)]
pub struct Penalties {
    /// Strength of L1, and which parameters it covers.
    pub l1: Option<(f64, Decay)>,
    /// The pull to the source weights.
    pub l2_sp: Option<(L2Sp, Rc<SourceWeightsKept>)>,
    /// The pull to the source's feature maps.
    pub delta: Option<(Delta, Attended)>,
    /// The pressure on weak directions of the features that the head reads.
    pub shrinkage: Option<SpectralShrinkage>,
    /// The original head, trained along.
    pub co_tuning: Option<(CoTuning, Rc<OriginalHead>)>,
}

/// Where the weights that were transferred started: name -> value.
#[derive(Debug, Default)]
pub struct SourceWeightsKept(pub BTreeMap<String, Tensor>);

/// A network as it came from its source, and how much each channel of its stages matters.
#[derive(Debug)]
pub struct Attended {
    /// The network; its head is not used.
    pub network: Rc<Backbone>,
    /// The transferred weights, which DELTA does not pull to zero.
    pub sourced: Rc<SourceWeightsKept>,
    /// The attention to the channels of each stage compared, `[C]`.
    pub attention: Vec<(StageId, Tensor)>,
}

/// The classifier that step `head` replaced.
#[derive(Debug)]
pub struct OriginalHead {
    head: Head,
    variables: Variables,
    /// What it saw in each target class, `[targets, sources]`, rows summing to 1.
    relationship: Tensor,
}

impl SourceWeightsKept {
    /// Copies of all parameters but those that are new: the head, the auxiliary heads' last layers, and what the weights'
    /// file lacked.
    #[must_use]
    pub fn of(backbone: &Backbone, missing: &[String]) -> Self {
        let heads = backbone.aux().map(|(_, aux)| &aux.head).chain([backbone.head()]);
        let roots: Vec<String> = heads.flat_map(Head::roots).collect();
        let fresh = backbone.variables().below(&roots).into_iter().map(|variable| variable.name);
        Self::with_head(backbone, &missing.iter().cloned().chain(fresh).collect::<Vec<_>>())
    }

    /// Copies of all parameters, the head's too because it is kept, but what the weights' file lacked.
    #[must_use]
    pub fn with_head(backbone: &Backbone, missing: &[String]) -> Self {
        let parameters = backbone.ids().flat_map(|id| backbone.parameters(id));
        let sourced = parameters
            .filter(|variable| !missing.contains(&variable.name))
            .map(|variable| (variable.name, variable.tensor.detach().copy()));
        Self(sourced.collect())
    }
}

impl OriginalHead {
    /// A copy of a network's head; the relationship is set by [`OriginalHead::relate`].
    #[must_use]
    pub fn copy_of(backbone: &Backbone) -> Self {
        let (device, kind) = backbone.placement();
        let original = backbone.head();
        let variables = Variables::holding(Values::Unset);
        let head = original.renewed(&variables.root(), original.classes, original.init);
        variables.to(device, kind);
        let known = backbone.variables().below(&original.roots());
        for (mut copy, original) in variables.all().into_iter().zip(known) {
            tch::no_grad(|| copy.tensor.copy_(&original.tensor));
        }
        let relationship = Tensor::zeros([0, original.classes], (kind, device));
        Self { head, variables, relationship }
    }

    /// Its logits `[N, sources]` of the features that a head reads.
    pub fn logits(&self, features: &Tensor, mode: Mode) -> Tensor {
        self.head.forward(features, mode)
    }

    /// With what it saw in each target class, `[targets, sources]`.
    #[must_use]
    pub fn relate(mut self, relationship: &Tensor) -> Self {
        let (device, kind) = (self.relationship.device(), self.relationship.kind());
        self.relationship = relationship.detach().to_device(device).to_kind(kind);
        self
    }
}

impl Penalties {
    /// The stages whose outputs are needed when stages from `from` on run.
    #[must_use]
    pub fn taps(&self, from: StageId) -> Vec<StageId> {
        let compared = self.delta.iter().flat_map(|(_, attended)| &attended.attention);
        compared.map(|(stage, _)| *stage).filter(|&stage| stage >= from).collect()
    }

    /// Each penalty by its key, for a batch, which is the input of stage `from`, and what the network made of it. Those on features
    /// rest where no features can move: when the head alone is live.
    #[must_use]
    pub fn of(
        &self,
        backbone: &Backbone,
        batch: &Batch,
        from: StageId,
        collected: &Collected,
        mode: Mode,
    ) -> Vec<(&'static str, Tensor)> {
        let mut terms = Vec::new();
        let live = live(backbone, from, mode);
        if let Some((strength, decay)) = self.l1 {
            let covered = live.iter().map(|(_, value)| value).filter(|value| decay.covers(value));
            terms.push(("regularize.l1", l1(covered) * strength));
        }
        if let Some((l2_sp, SourceWeightsKept(source))) =
            self.l2_sp.as_ref().map(|(l2_sp, source)| (l2_sp, &**source))
        {
            let sourced = live.iter().filter_map(|(name, now)| Some((now, source.get(name)?)));
            terms.push(("regularize.l2_sp", l2_sp.penalty(sourced, without_source(&live, source))));
        }
        if let Some((delta, attended)) = &self.delta {
            let taps = self.taps(from);
            let known = match taps.as_slice() {
                [] => Vec::new(),
                taps => tch::no_grad(|| {
                    let all = from..backbone.head_id();
                    attended.network.forward_collect(&batch.x, all, taps, Mode::Evaluate).1
                }),
            };
            let attention = attended.attention.iter().filter(|(stage, _)| *stage >= from);
            let maps = collected.tapped.iter().zip(&known).zip(attention);
            let maps = maps.map(|((now, source), (_, attention))| (now, source, attention));
            let apart = delta.penalty(maps, without_source(&live, &attended.sourced.0));
            terms.push(("regularize.delta", apart));
        }
        if from < backbone.head_id() {
            let features = &collected.features;
            let shrunk = self.shrinkage.map(|shrinkage| shrinkage.penalty(features));
            terms.extend(shrunk.map(|penalty| ("regularize.spectral_shrinkage", penalty)));
            terms.extend(self.co_tuning.as_ref().map(|(co_tuning, original)| {
                let logits = original.logits(features, mode);
                (CO_TUNING, co_tuning.penalty(&logits, &original.relationship, &batch.targets))
            }));
        }
        terms
    }

    /// What is trained beside the network: the original head, like the new one.
    #[must_use]
    pub fn trainables(&self, rate_scale: f64, decay: impl Fn(&Tensor) -> f64) -> Vec<Trainable> {
        let original = self.co_tuning.iter().flat_map(|(_, original)| original.variables.all());
        let trainable = original.map(|variable| Trainable {
            name: format!("original head: {}", variable.name),
            decay: decay(&variable.tensor),
            value: variable.tensor,
            rate_scale,
        });
        trainable.collect()
    }
}

/// The parameters that take part from a stage on, by name. An auxiliary head that does not speak takes none.
fn live(backbone: &Backbone, from: StageId, mode: Mode) -> Vec<(String, Tensor)> {
    let speaking: Vec<&str> = backbone.live_aux(from, mode).map(|(_, aux)| aux.root).collect();
    let silent = backbone.aux().map(|(_, aux)| aux.root).filter(|root| !speaking.contains(root));
    let silent: Vec<String> = silent.map(str::to_owned).collect();
    let silent = backbone.variables().below(&silent);
    let parameters = backbone.ids().filter(|&id| id >= from).flat_map(|id| backbone.parameters(id));
    parameters
        .filter(|variable| !silent.iter().any(|other| other.name == variable.name))
        .map(|variable| (variable.name, variable.tensor))
        .collect()
}

fn without_source<'a>(
    live: &'a [(String, Tensor)],
    source: &'a BTreeMap<String, Tensor>,
) -> impl Iterator<Item = &'a Tensor> {
    live.iter().filter(|(name, _)| !source.contains_key(name)).map(|(_, value)| value)
}
