//! Co-Tuning (You et al., "Co-Tuning for Transfer Learning", 2020): the head that step 3 replaces still knows something.
//! Its source classes are related to the target classes (a husky is half a wolf and half a malamute), and while the new
//! head learns the labels, the original one, fine-tuned too, must keep saying what such images looked like to it.

use ranged::{NotNegative, Positive};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::smoothing::{CrossEntropy, Targets};

/// The strength, and how sure of itself the original head is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CoTuning {
    /// Weight λ of the original head's loss.
    pub lambda: NotNegative,
    /// Factor of the original logits before their softmax: one over their temperature (Guo et al. 2017). When absent, the
    /// catalog's value for the source weights, or else 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Positive>,
}

/// The scale of networks trained on ImageNet, from the authors' program.
pub const IMAGENET_SCALE: f64 = 0.884;

impl Default for CoTuning {
    /// The authors' λ.
    fn default() -> Self {
        Self { lambda: NotNegative::of(2.3), scale: None }
    }
}

impl CoTuning {
    /// The category relationship `p(source | target)`, `[targets, sources]`, each row summing to 1 (the paper's direct
    /// approach): the mean of what the original head says of a target class's images.
    ///
    /// `logits` `[N, sources]` are the original head's of the training set, before any fine-tuning; `labels` `[N]` count
    /// below `targets`. A class without an image is related to all alike.
    pub fn relationship(&self, logits: &Tensor, labels: &Tensor, targets: i64) -> Tensor {
        let probabilities = (logits * self.scale.map_or(1.0, Positive::get)).softmax(1, logits.kind());
        let members = labels.one_hot(targets).to_kind(logits.kind()); // [N, targets]
        let counts = members.sum_dim_intlist(0, false, None::<Kind>).unsqueeze(1); // [targets, 1]
        let means = members.transpose(0, 1).matmul(&probabilities) / counts.clamp_min(1.0);
        means.where_self(&counts.gt(0.0), &(means.ones_like() / logits.size()[1] as f64))
    }

    /// λ times the cross-entropy of the original head's logits `[N, sources]` against what the relationship says of the
    /// batch's targets; a scalar. The logits are those of the features now, with the scale left out, as the paper has it.
    pub fn penalty(&self, logits: &Tensor, relationship: &Tensor, targets: &Targets) -> Tensor {
        let expected = Targets::Soft(expected(relationship, targets));
        CrossEntropy::default().of(logits, &expected) * self.lambda.get()
    }
}

/// What the relationship `[targets, sources]` makes of targets: probabilities of source classes, `[N, sources]`.
fn expected(relationship: &Tensor, targets: &Targets) -> Tensor {
    let of = |labels: &Tensor| relationship.index_select(0, labels);
    match targets {
        Targets::Labels(labels) => of(labels),
        Targets::Mixed { first, second, share } => of(first) * *share + of(second) * (1.0 - share),
        Targets::Soft(probabilities) => probabilities.matmul(relationship),
    }
}
