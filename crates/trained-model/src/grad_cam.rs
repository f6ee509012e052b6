//! Grad-CAM: which parts of an image speak for a class.
//!
//! R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: Visual Explanations from Deep
//! Networks via Gradient-based Localization", ICCV 2017. Each channel of the last stage that has positions weighs as much
//! as the class's score rises with it, in the mean over positions; the weighted sum of the channels, where it is
//! positive, is the map.

use backbone::{Backbone, Mode, Pool, StageId};
use tch::{Kind, TchError, Tensor};

#[cfg(test)]
mod tests;

/// Maps of a few images.
#[derive(Debug)]
pub struct HeatMaps {
    /// The stage whose output they are of.
    pub stage: StageId,
    /// `[N, H, W]`, float, in `0..=1`, the highest value of each 1; all zero where nothing speaks for the class.
    pub maps: Tensor,
}

impl HeatMaps {
    /// Returns the map of one image, `[height][width]`, to three decimals.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn values(&self, image: usize) -> Result<Vec<Vec<f64>>, TchError> {
        let map = self.maps.f_select(0, i64::try_from(image).unwrap_or(i64::MAX))?;
        let width = usize::try_from(map.size()[1]).unwrap_or(1).max(1);
        let values = Vec::<f64>::try_from(map.f_to_kind(Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
        let rounded: Vec<f64> = values.into_iter().map(|value| (value * 1e3).round() / 1e3).collect();
        Ok(rounded.chunks_exact(width).map(<[f64]>::to_vec).collect())
    }
}

/// Returns the maps of images, `[N, C, size, size]`, each for a class, `[N]`; `None` where no stage of the network has more
/// than one position.
///
/// Weights, running statistics and frozen stages stay as they are. Stages after the map's lose what was prepared for
/// inference.
///
/// # Errors
/// When a libtorch call fails.
pub fn heat_maps(
    backbone: &mut Backbone,
    pixels: &Tensor,
    classes: &[i64],
) -> Result<Option<HeatMaps>, TchError> {
    let Some(last) = last_with_positions(backbone, pixels) else { return Ok(None) };
    let stage = last.stage;
    let first_live = backbone.first_live();
    // A frozen stage records no graph.
    backbone.freeze_before(last.next);
    let maps = weighted_sum(backbone, &last, classes);
    backbone.freeze_before(first_live);
    let maps = maps?.f_relu()?; // [N, H, W]
    let highest = maps.f_amax([1, 2], true)?; // [N, 1, 1]
    let maps = maps.f_div(&highest.f_clamp_min(1e-30)?)?;
    Ok(Some(HeatMaps { stage, maps }))
}

/// The stage that is mapped, and what comes out of it.
struct Mapped {
    stage: StageId,
    /// The stage after it.
    next: StageId,
    pool: Pool,
    /// `[N, ..]`, as the stage puts it out.
    output: Tensor,
    /// What passes into the stage after it.
    passed: Tensor,
}

/// Returns the sum of the channels, each times its weight: `[N, H, W]`.
fn weighted_sum(backbone: &Backbone, mapped: &Mapped, classes: &[i64]) -> Result<Tensor, TchError> {
    let features = mapped.output.f_detach()?.set_requires_grad(true); // [N, K, H, W]
    let x = backbone.with_output(mapped.stage, &mapped.passed, &features);
    let logits = backbone.classify(&x, mapped.next, Mode::Evaluate).logits;
    let chosen = Tensor::f_from_slice(classes)?.f_to_device(logits.device())?.f_unsqueeze(1)?;
    // Images are independent in evaluation mode, so the gradient of the sum is that of each.
    let score = logits.f_gather(1, &chosen, false)?.f_sum(Kind::Double)?;
    let gradients = Tensor::f_run_backward(&[score], &[&features], false, false)?;
    let [features, gradients] = [&features.f_detach()?, &gradients[0]]
        .map(|values| mapped.pool.map(values).unwrap_or_else(|| values.shallow_clone())); // [N, K, H, W]
    let weights = gradients.f_mean_dim(&[2i64, 3][..], true, gradients.kind())?; // [N, K, 1, 1]
    (features * weights).f_sum_dim_intlist(&[1i64][..], false, Kind::Float)
}

/// Returns the last stage with parameters whose output has more than one position.
fn last_with_positions(backbone: &Backbone, pixels: &Tensor) -> Option<Mapped> {
    let head = backbone.head_id();
    let stages: Vec<StageId> =
        backbone.ids().filter(|&id| id < head && !backbone.roots(id).is_empty()).collect();
    let (_, outputs) =
        tch::no_grad(|| backbone.forward_collect(pixels, StageId::INPUT..head, &stages, Mode::Evaluate));
    let pool = |stage: StageId| backbone.stages()[stage.index()].pool;
    let (stage, output) =
        stages.into_iter().zip(outputs).rfind(|(stage, output)| pool(*stage).map(output).is_some())?;
    let next = backbone.ids().find(|&id| id > stage).unwrap_or(head);
    let passed = match backbone.reads() {
        [] => output.shallow_clone(),
        _ => tch::no_grad(|| backbone.forward(pixels, StageId::INPUT..next, Mode::Evaluate)),
    };
    Some(Mapped { stage, next, pool: pool(stage), output, passed })
}
