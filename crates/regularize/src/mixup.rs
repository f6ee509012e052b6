//! Mixup (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018): the network sees weighted means of two images
//! and must answer with the weighted mean of their labels, so that between classes it changes smoothly.

use tch::Tensor;

/// `share` of each image `[N, ..]` and `1 - share` of its partner, whose place in the batch `partners` `[N]` gives.
pub fn mixup(pixels: &Tensor, partners: &Tensor, share: f64) -> Tensor {
    let partners = pixels.index_select(0, &partners.to_device(pixels.device()));
    pixels * share + partners * (1.0 - share)
}
