use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::ResizedCrop;

/// What of an image is shown, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The part of the image that the filter sees.
    pub(crate) seen: PixelBox,
    /// The columns that are shown, counted within `seen`.
    pub(crate) x: Span,
    /// The rows that are shown, counted within `seen`.
    pub(crate) y: Span,
}

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

/// TorchVision's `resize(shorter)` and `center_crop(crop)` in one (`torchvision/transforms/functional.py`), for an image
/// of `[width, height]`.
pub(crate) fn center_frame([width, height]: [u32; 2], shorter: u32, crop: u32) -> Frame {
    let short = u64::from(width.min(height));
    let resized = |side: u32| u64::from(shorter) * u64::from(side) / short;
    Frame {
        seen: PixelBox { left: 0, top: 0, width, height },
        x: center(width, resized(width), crop),
        y: center(height, resized(height), crop),
    }
}

/// Pillow's `ImageOps.pad` (`PIL/ImageOps.py`): the longer side fills the square, and what is left of it on both sides of the
/// shorter one is not of the image. Of an image so thin that Pillow leaves nothing of it, a row or column of pixels is.
pub(crate) fn padded_frame([width, height]: [u32; 2], side: u32) -> Frame {
    let longer = f64::from(width.max(height));
    let resized = |length: u32| {
        let length = (f64::from(length) / longer * f64::from(side)).round_ties_even() as u32;
        length.clamp(1, side)
    };
    Frame {
        seen: PixelBox { left: 0, top: 0, width, height },
        x: whole(width, half_even(side - resized(width)), resized(width)),
        y: whole(height, half_even(side - resized(height)), resized(height)),
    }
}

/// All of the image in all of the square: TorchVision's `resize((side, side))`.
pub(crate) fn squashed_frame([width, height]: [u32; 2], side: u32) -> Frame {
    let seen = PixelBox { left: 0, top: 0, width, height };
    Frame { seen, x: whole(width, 0, side), y: whole(height, 0, side) }
}

/// TorchVision's `RandomResizedCrop`: a random part, stretched to `side`. The filter sees nothing around it.
pub(crate) fn random_frame(size: [u32; 2], crop: &ResizedCrop, side: u32, rng: &mut ChaCha8Rng) -> Frame {
    let seen = random_box(size, crop, rng);
    Frame { seen, x: whole(seen.width, 0, side), y: whole(seen.height, 0, side) }
}

/// All of a side of the source, from `target` on.
fn whole(length: u32, target: u32, target_length: u32) -> Span {
    Span { source: 0.0, source_length: length.into(), target, target_length }
}

/// Half of a length, rounded half to even as Python's `round`.
fn half_even(length: u32) -> u32 {
    length / 2 + u32::from(length % 4 == 3)
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

/// What TorchVision's `RandomResizedCrop.get_params` draws
/// (`torchvision/transforms/transforms.py`).
fn random_box(size: [u32; 2], crop: &ResizedCrop, rng: &mut ChaCha8Rng) -> PixelBox {
    const TRIES: usize = 10;
    let [width, height] = size;
    let area = f64::from(width) * f64::from(height);
    let (narrowest, widest) = (crop.ratio.smallest(), crop.ratio.largest());
    for _ in 0..TRIES {
        let target = area * rng.random_range(crop.scale.smallest()..=crop.scale.largest());
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
    let (narrowest, widest) = (crop.ratio.smallest(), crop.ratio.largest());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use crate::{AreaShares, SideRatios};

    #[test]
    fn the_centre_is_rounded_half_to_even() {
        // int(round((resized - crop) / 2.0)) in Python.
        for (resized, skipped) in
            [(10, 0.0), (11, 0.0), (12, 1.0), (13, 2.0), (14, 2.0), (15, 2.0), (17, 4.0)]
        {
            let span = center(resized, resized.into(), 10);
            assert_eq!((span.source, span.source_length, span.target), (skipped, 10.0, 0), "{resized}");
        }
        // Padding: the odd pixel goes to the right.
        let padded = center(7, 7, 10);
        assert_eq!((padded.source, padded.target, padded.target_length), (0.0, 1, 7));
    }

    #[test]
    fn random_boxes_have_the_area_and_ratio_asked_for() {
        let crop = ResizedCrop { scale: AreaShares::of(0.1, 0.5), ratio: SideRatios::of(0.5, 2.0) };
        let size = [640, 480];
        let mut areas = Vec::new();
        for id in 0..500 {
            let found = random_box(size, &crop, &mut stream(Purpose::Augment, 0, [0, id]));
            assert!(found.left + found.width <= 640 && found.top + found.height <= 480);
            let ratio = f64::from(found.width) / f64::from(found.height);
            assert!((0.49..2.03).contains(&ratio), "{ratio}");
            areas.push(f64::from(found.width * found.height) / (640.0 * 480.0));
        }
        let mean = areas.iter().sum::<f64>() / 500.0;
        assert!(areas.iter().all(|area| (0.095..0.505).contains(area)));
        assert!((0.25..0.33).contains(&mean), "{mean}");
    }

    #[test]
    fn where_no_box_fits_the_largest_central_one_is_taken() {
        let crop = ResizedCrop { scale: AreaShares::of(0.9, 1.0), ratio: SideRatios::of(0.75, 4.0 / 3.0) };
        let mut rng = stream(Purpose::Augment, 0, [0, 0]);
        let wide = random_box([1000, 30], &crop, &mut rng);
        assert_eq!(wide, PixelBox { left: 480, top: 0, width: 40, height: 30 });
        let tall = random_box([30, 1000], &crop, &mut rng);
        assert_eq!(tall, PixelBox { left: 0, top: 480, width: 30, height: 40 });
    }
}
