//! Terms that are added to the cross-entropy against overfitting. The mathematics is in [`regularize`]; this decides to which
//! weights and features it is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use backbone::{Backbone, Collected, Head, Mode, Module, StageId, Values, Variables};
use features::loader::Batch;
use regularize::{CoTuning, Decay, Delta, L2Sp, SpectralShrinkage, l1};
use tch::Tensor;

use super::optimizer::Trainable;
use super::tensors::{StateError, TensorReader, Tensors};

/// Key of the technique that trains a second head.
pub const CO_TUNING: &str = "regularize.co_tuning";

/// The penalties of a training step; none by default.
#[derive(Debug, Default)]
pub struct Penalties {
    /// Strength of L1, and the parameters that it covers.
    pub l1: Option<(f64, Decay)>,
    /// Pulls weights towards those of the source.
    pub l2_sp: Option<(L2Sp, Rc<SourceWeights>)>,
    /// Pulls feature maps towards those of the source.
    pub delta: Option<(Delta, Attended)>,
    /// Shrinks weak directions of the features that the head reads.
    pub shrinkage: Option<SpectralShrinkage>,
    /// Trains the original head along with the new one.
    pub co_tuning: Option<(CoTuning, Rc<OriginalHead>)>,
}

/// Transferred weights as they were before training: name -> value.
#[derive(Debug, Default)]
pub struct SourceWeights(pub BTreeMap<String, Tensor>);

/// A network with the source's weights, and how much each channel of its stages matters.
#[derive(Debug)]
pub struct Attended {
    /// The network; its head is not used.
    pub network: Rc<Backbone>,
    /// The transferred weights, which DELTA does not pull to zero.
    pub weights: Rc<SourceWeights>,
    /// The attention to the channels of each compared stage, in their order.
    pub attention: Vec<Attention>,
}

/// How much each channel of a stage's output matters.
#[derive(Debug)]
pub struct Attention {
    /// The stage.
    pub stage: StageId,
    /// Weights that sum to 1, `[C]`.
    pub weights: Tensor,
}

/// The classifier that step `head` replaced.
#[derive(Debug)]
pub struct OriginalHead {
    head: Head,
    variables: Variables,
    /// Probabilities of the source classes given each target class, `[targets, sources]`; rows sum to 1.
    relationship: Tensor,
}

/// Begins the names of DELTA's attention in a saved state.
const ATTENTION: &str = "attention/";

/// Begins the names of the original head's weights in a saved state.
const ORIGINAL: &str = "original/";

/// Returns the attention in the tensors of a state, in the order of the stages.
#[must_use]
pub fn saved_attention(backbone: &Backbone, tensors: &Tensors) -> Vec<Attention> {
    let device = backbone.placement().0;
    let of_stage = |stage: StageId| {
        let weights = tensors.get(&format!("{ATTENTION}{}", backbone.name(stage)))?;
        Some(Attention { stage, weights: weights.to_device(device) })
    };
    backbone.ids().filter_map(of_stage).collect()
}

impl SourceWeights {
    /// Copies all parameters but those that are new: the head, the auxiliary heads' last layers, and what the weights' file
    /// lacked.
    #[must_use]
    pub fn of(backbone: &Backbone, missing: &[String]) -> Self {
        let heads = backbone.aux().map(|(_, aux)| &aux.head).chain([backbone.head()]);
        let roots: Vec<String> = heads.flat_map(Head::roots).collect();
        let fresh = backbone.variables().below(&roots).into_iter().map(|variable| variable.name);
        Self::with_head(backbone, &missing.iter().cloned().chain(fresh).collect::<Vec<_>>())
    }

    /// Copies all parameters, those of the head included, but those that the weights' file lacked.
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
    /// Copies a network's head; the relationship is set by [`OriginalHead::relate`].
    #[must_use]
    pub fn copy_of(backbone: &Backbone) -> Self {
        let (device, kind) = backbone.placement();
        let original = backbone.head();
        let variables = Variables::holding(Values::Outline);
        let head = original.renewed(&variables.root(), original.classes, original.init);
        variables.to(device, kind);
        let known = backbone.variables().below(&original.roots());
        for (copy, original) in variables.all().into_iter().zip(known) {
            copy.tensor.shallow_clone().set_data(&original.tensor.detach().copy());
        }
        let relationship = Tensor::zeros([0, original.classes], (kind, device));
        Self { head, variables, relationship }
    }

    /// Returns its logits `[N, sources]` of the features `[N, ..]` that a head reads.
    pub fn logits(&self, features: &Tensor, mode: Mode) -> Tensor {
        self.head.forward(features, mode)
    }

    /// Sets the relationship: probabilities `[targets, sources]`, rows summing to 1.
    #[must_use]
    pub fn relate(mut self, relationship: &Tensor) -> Self {
        let (device, kind) = (self.relationship.device(), self.relationship.kind());
        self.relationship = relationship.detach().to_device(device).to_kind(kind);
        self
    }
}

impl Penalties {
    /// Returns the stages whose outputs are needed when stages from `from` on run.
    #[must_use]
    pub fn taps(&self, from: StageId) -> Vec<StageId> {
        let compared = self.delta.iter().flat_map(|(_, attended)| &attended.attention);
        compared.map(|attention| attention.stage).filter(|&stage| stage >= from).collect()
    }

    /// Returns each penalty by its key, a scalar, for a batch, which is the input of stage `from`, and its outputs. Those on
    /// features are left out where no features can change: when the head alone is live.
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
        if let Some((l2_sp, SourceWeights(source))) =
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
            let attention = attended.attention.iter().filter(|attention| attention.stage >= from);
            let maps = collected.tapped.iter().zip(&known).zip(attention);
            let maps = maps.map(|((now, source), attention)| (now, source, &attention.weights));
            let distance = delta.penalty(maps, without_source(&live, &attended.weights.0));
            terms.push(("regularize.delta", distance));
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

    /// Adds what changes in a phase or cannot be computed again to the tensors of a state: DELTA's attention,
    /// `attention/STAGE`, and the original head, `original/NAME`.
    pub(crate) fn save(&self, backbone: &Backbone, tensors: &mut Tensors) {
        // Numbers of the configuration, and what is rebuilt from the source weights.
        let Self { l1: _, l2_sp: _, delta, shrinkage: _, co_tuning } = self;
        if let Some((_, Attended { network: _, weights: _, attention })) = delta {
            let named = attention.iter().map(|Attention { stage, weights }| (backbone.name(*stage), weights));
            tensors.extend(
                named.map(|(stage, weights)| (format!("{ATTENTION}{stage}"), weights.shallow_clone())),
            );
        }
        if let Some((_, original)) = co_tuning {
            let OriginalHead { head: _, variables, relationship: _ } = &**original;
            let named = variables.all().into_iter();
            tensors.extend(
                named.map(|variable| (format!("{ORIGINAL}{}", variable.name), variable.tensor.detach())),
            );
        }
    }

    /// Gives the original head the weights of a state.
    pub(crate) fn load(&self, tensors: &mut TensorReader) -> Result<(), StateError> {
        // The attention is part of the phase already.
        tensors.take_below(ATTENTION);
        let variables = self.co_tuning.iter().flat_map(|(_, original)| original.variables.all());
        variables.into_iter().try_for_each(|variable| {
            tensors.copy_to(&format!("{ORIGINAL}{}", variable.name), &variable.tensor)
        })
    }

    /// Returns the parameters of the original head, which are trained as those of the new one.
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

impl Penalties {
    /// Returns the names of the parameters that have a gradient when the stages from `from` on run.
    pub(crate) fn active(&self, backbone: &Backbone, from: StageId, mode: Mode) -> BTreeSet<String> {
        let original = self.trainables(1.0, |_| 0.0).into_iter().map(|parameter| parameter.name);
        // Where the head alone is live no features can change, and the original head rests.
        let original = original.filter(|_| from < backbone.head_id());
        live(backbone, from, mode).into_iter().map(|(name, _)| name).chain(original).collect()
    }
}

/// Returns the parameters that take part from a stage on, by name; those of inactive auxiliary heads do not.
fn live(backbone: &Backbone, from: StageId, mode: Mode) -> Vec<(String, Tensor)> {
    let active: Vec<&str> = backbone.live_aux(from, mode).map(|(_, aux)| aux.root).collect();
    let inactive = backbone.aux().map(|(_, aux)| aux.root).filter(|root| !active.contains(root));
    let inactive: Vec<String> = inactive.map(str::to_owned).collect();
    let inactive = backbone.variables().below(&inactive);
    let parameters = backbone.ids().filter(|&id| id >= from).flat_map(|id| backbone.parameters(id));
    parameters
        .filter(|variable| !inactive.iter().any(|other| other.name == variable.name))
        .map(|variable| (variable.name, variable.tensor))
        .collect()
}

fn without_source<'a>(
    live: &'a [(String, Tensor)],
    source: &'a BTreeMap<String, Tensor>,
) -> impl Iterator<Item = &'a Tensor> {
    live.iter().filter(|(name, _)| !source.contains_key(name)).map(|(_, value)| value)
}
