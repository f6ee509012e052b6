//! DELTA (Xingjian Li et al., "DELTA: Deep Learning Transfer using Feature Map with Attention for Convolutional
//! Networks", 2019): not the weights but what they compute is kept near the source, and most of all those channels of
//! the feature maps that matter for the new task.

use ranged::NotNegative;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::penalty::{square_sum, sum};

/// The strengths of both parts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Delta {
    /// Strength of the pull towards the source's feature maps.
    pub alpha: NotNegative,
    /// Strength of the pull of new weights towards zero.
    pub beta: NotNegative,
}

impl Default for Delta {
    /// The authors' program has 0.01 and 0.01, but sums the distance over a batch of 64 where [`Delta::penalty`] takes the
    /// mean, as the loss does.
    fn default() -> Self {
        Self { alpha: NotNegative::of(0.64), beta: NotNegative::of(0.01) }
    }
}

impl Delta {
    /// `α · mean over images of ½ Σ_maps C/(H W) Σ_c a_c ‖now_c - source_c‖² + β/2 Σ ‖v‖²`, a scalar.
    ///
    /// For each stage compared: its output now and the source network's for the same pixels, both `[N, C, H, W]` (or
    /// `[N, C]`), and the attention to its channels, `[C]`, which sums to 1; with `1/C` everywhere all channels count
    /// alike. v are the parameters without a source.
    pub fn penalty<'a>(
        &self,
        maps: impl IntoIterator<Item = (&'a Tensor, &'a Tensor, &'a Tensor)>,
        new: impl IntoIterator<Item = &'a Tensor>,
    ) -> Tensor {
        let distances = maps.into_iter().map(|(now, source, attention)| distance(now, source, attention));
        let decays = new.into_iter().map(square_sum);
        sum(distances) * (self.alpha.get() / 2.0) + sum(decays) * (self.beta.get() / 2.0)
    }
}

/// The mean over images of `C/(H W) Σ_c a_c ‖now_c - source_c‖²`.
fn distance(now: &Tensor, source: &Tensor, attention: &Tensor) -> Tensor {
    let channels = attention.numel() as f64;
    let apart = (now - source.detach()).flatten(1, -1); // [N, C H W]
    let apart = apart.view([apart.size()[0], attention.numel() as i64, -1]).square(); // [N, C, H W]
    // The mean over positions is 1/(H W) of the sum.
    let each = apart.mean_dim(2, false, None::<Kind>).mean_dim(0, false, None::<Kind>); // [C]
    (each * attention.detach()).sum(now.kind()) * channels
}

/// How much the loss rises when a channel is silenced, `[C]`: what [`attention`] wants to know.
///
/// `features` `[N, C, ..]` is the output of a stage of the source network, its new head already trained; `loss_of` runs the
/// rest of it and returns the loss. It is called `C + 1` times. For several batches, take the mean.
pub fn importance(features: &Tensor, mut loss_of: impl FnMut(&Tensor) -> Tensor) -> Tensor {
    tch::no_grad(|| {
        let whole = loss_of(features);
        let without = (0..features.size()[1]).map(|channel| {
            let silenced = features.copy();
            let _ = silenced.narrow(1, channel, 1).zero_();
            loss_of(&silenced) - &whole
        });
        Tensor::stack(&without.collect::<Vec<_>>(), 0)
    })
}

/// The attention to each channel, `[C]`, from how much the loss rises without it: a softmax, so that it sums to 1.
///
/// The rises are a matter of thousandths, of which the paper's plain softmax would make nearly nothing; as in the authors'
/// program they are standardised and divided by 5 first. Where they are all alike, so is the attention.
pub fn attention(importance: &Tensor) -> Tensor {
    let centred = importance - importance.mean(importance.kind());
    let deviation = centred.square().mean(importance.kind()).sqrt();
    let standardised = &centred / deviation.clamp_min(f64::MIN_POSITIVE);
    (standardised / 5.0).softmax(0, importance.kind())
}
