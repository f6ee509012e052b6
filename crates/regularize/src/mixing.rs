//! When, how much and with whom the images of a batch are mixed: what [`mixup`](crate::mixup) and
//! [`cutmix`](crate::cutmix) have in common.
//!
//! What is drawn depends on a seed, the epoch and the batch's place in it alone, not on libtorch's generator, which
//! dropout advances as well: an epoch mixes alike whatever was drawn before it.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::cutmix::{Patch, cutmix};
use crate::mixup::mixup;
use crate::smoothing::Targets;

/// How strongly the images of a batch are mixed. With both above 0, each batch takes one or the other, half and half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mixing {
    /// α of mixup, the shares being drawn from Beta(α, α); 0 never mixes.
    pub mixup: f64,
    /// α of cutmix; 0 never cuts.
    pub cutmix: f64,
}

/// A decision about one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// For each image the one that it is mixed with.
    pub partners: Vec<i64>,
    /// How.
    pub blend: Blend,
}

/// How two images become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// By mixup: the image by this share, its partner by the rest.
    Mixup {
        /// 0 to 1.
        share: f64,
    },
    /// By cutmix: the partner within this patch.
    Cutmix(Patch),
}

impl Mixing {
    /// Whether anything is mixed at all. If so, the pixels of an image vary, and features of frozen stages cannot be kept.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.mixup > 0.0 || self.cutmix > 0.0
    }

    /// What happens to batch `batch` of this epoch, of `images` images of this height and width; `None` when nothing does.
    #[must_use]
    pub fn draw(
        &self,
        seed: u64,
        epoch: u32,
        batch: u64,
        images: usize,
        [height, width]: [i64; 2],
    ) -> Option<Draw> {
        let mut rng = stream(seed, epoch, batch);
        let cuts = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => rng.random(),
            (_, cuts) => cuts,
        };
        let mut partners: Vec<i64> = (0..images as i64).collect();
        partners.shuffle(&mut rng);
        let share = share(if cuts { self.cutmix } else { self.mixup }, &mut rng);
        let blend = if cuts && height > 0 && width > 0 {
            let centre = [rng.random_range(0..height), rng.random_range(0..width)];
            Blend::Cutmix(Patch::new(share, centre, [height, width]))
        } else {
            Blend::Mixup { share }
        };
        Some(Draw { partners, blend })
    }
}

impl Draw {
    /// Mixes pixels `[N, C, H, W]` and their labels `[N]`; N is the number of partners.
    pub fn apply(&self, pixels: &Tensor, labels: &Tensor) -> (Tensor, Targets) {
        let partners = Tensor::from_slice(&self.partners);
        let (mixed, share) = match &self.blend {
            Blend::Mixup { share } => (mixup(pixels, &partners, *share), *share),
            Blend::Cutmix(patch) => {
                let [height, width] = [2, 3].map(|axis| pixels.size()[axis]);
                (cutmix(pixels, &partners, patch), patch.share_left(height, width))
            }
        };
        let second = labels.index_select(0, &partners.to_device(labels.device()));
        (mixed, Targets::Mixed { first: labels.shallow_clone(), second, share })
    }
}

/// A share from Beta(α, α).
fn share(alpha: f64, rng: &mut ChaCha8Rng) -> f64 {
    // What is no distribution (α infinite or NaN) mixes half and half.
    Beta::new(alpha, alpha).map_or(0.5, |beta| beta.sample(rng))
}

fn stream(seed: u64, epoch: u32, batch: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in
        key.chunks_exact_mut(8).zip([u64::from_le_bytes(*b"mixing\0\0"), seed, epoch.into(), batch])
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}
