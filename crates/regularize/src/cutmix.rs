//! Cutmix (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019): a
//! patch of each image shows another one, and the label is shared by area, so that no part of an object is enough and
//! yet no pixel is lost to black.

use tch::Tensor;

/// A rectangle of an image, in pixels: rows `top..bottom`, columns `left..right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// First row.
    pub top: i64,
    /// Row after the last.
    pub bottom: i64,
    /// First column.
    pub left: i64,
    /// Column after the last.
    pub right: i64,
}

impl Patch {
    /// The patch about a centre `[y, x]` whose area is `1 - share` of the image's `[height, width]`, before what lies
    /// outside is cut off (as TorchVision's `v2.CutMix`).
    #[must_use]
    pub fn new(share: f64, [y, x]: [i64; 2], [height, width]: [i64; 2]) -> Self {
        let half = |side: i64| (0.5 * (1.0 - share).max(0.0).sqrt() * side as f64) as i64;
        Self {
            top: (y - half(height)).max(0),
            bottom: (y + half(height)).min(height),
            left: (x - half(width)).max(0),
            right: (x + half(width)).min(width),
        }
    }

    /// The share of an image that it leaves.
    #[must_use]
    pub fn share_left(&self, height: i64, width: i64) -> f64 {
        let area = (self.bottom - self.top) * (self.right - self.left);
        1.0 - area as f64 / (height * width).max(1) as f64
    }
}

/// Images `[N, C, H, W]`, each with the patch taken from its partner, whose place in the batch `partners` `[N]` gives.
pub fn cutmix(pixels: &Tensor, partners: &Tensor, patch: &Patch) -> Tensor {
    let within = |x: &Tensor| {
        x.narrow(2, patch.top, patch.bottom - patch.top).narrow(3, patch.left, patch.right - patch.left)
    };
    let mixed = pixels.copy();
    within(&mixed).copy_(&within(pixels).index_select(0, &partners.to_device(pixels.device())));
    mixed
}
