use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::ResizedCrop;

/// A stretch of the source that becomes a stretch of the result, along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// Where it begins in the source, in source pixels.
    pub(crate) source: f64,
    /// Its length in the source, in source pixels.
    pub(crate) source_length: f64,
    /// Where it begins in the result.
    pub(crate) target: u32,
    /// Its length in the result.
    pub(crate) target_length: u32,
}

/// A box of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelBox {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// TorchVision's `resize(shorter)` and `center_crop(crop)` in one: which part of a `[width, height]` source lands where
/// in the `crop x crop` result (`torchvision/transforms/functional.py`). What is not covered stays black.
pub(crate) fn resize_and_center_crop(size: [u32; 2], shorter: u32, crop: u32) -> [Span; 2] {
    let short = size[0].min(size[1]);
    size.map(|side| {
        let resized = u64::from(shorter) * u64::from(side) / u64::from(short);
        center(side, resized, crop)
    })
}

fn center(side: u32, resized: u64, crop: u32) -> Span {
    let spare = resized.saturating_sub(crop.into());
    // Half of it, rounded half to even as Python's `round`.
    let skipped = spare / 2 + u64::from(spare % 4 == 3);
    let shown = resized.min(crop.into());
    let per_pixel = f64::from(side) / resized as f64;
    let source = skipped as f64 * per_pixel;
    Span {
        source,
        source_length: (shown as f64 * per_pixel).min(f64::from(side) - source),
        target: (crop - shown as u32) / 2,
        target_length: shown as u32,
    }
}

/// The part of the source that TorchVision's `RandomResizedCrop.get_params` draws
/// (`torchvision/transforms/transforms.py`).
pub(crate) fn random_box(size: [u32; 2], crop: &ResizedCrop, rng: &mut ChaCha8Rng) -> PixelBox {
    const TRIES: usize = 10;
    let [width, height] = size;
    let area = f64::from(width) * f64::from(height);
    let (narrowest, widest) = crop.ratio;
    for _ in 0..TRIES {
        let target = area * rng.random_range(crop.scale.0..=crop.scale.1);
        let ratio = rng.random_range(narrowest.ln()..=widest.ln()).exp();
        let w = (target * ratio).sqrt().round_ties_even() as u32;
        let h = (target / ratio).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let top = rng.random_range(0..=height - h);
            let left = rng.random_range(0..=width - w);
            return PixelBox { left, top, width: w, height: h };
        }
    }
    central_box(size, crop)
}

/// The largest central box whose ratio is allowed.
fn central_box([width, height]: [u32; 2], crop: &ResizedCrop) -> PixelBox {
    let (narrowest, widest) = crop.ratio;
    let ratio = f64::from(width) / f64::from(height);
    let (w, h) = if ratio < narrowest {
        (width, (f64::from(width) / narrowest).round_ties_even() as u32)
    } else if ratio > widest {
        ((f64::from(height) * widest).round_ties_even() as u32, height)
    } else {
        (width, height)
    };
    let (w, h) = (w.clamp(1, width), h.clamp(1, height));
    PixelBox { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}
