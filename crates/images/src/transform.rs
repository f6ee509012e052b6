use std::num::NonZeroU16;

use image::RgbImage;
use image_file::Decoding;
use pretrained::{InputSpec, Interpolation};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Error;
use crate::augment::Augment;
use crate::framing::{Framing, Still};
use crate::layout::Layout;
use crate::operations::{Operation, Square, luma};
use crate::random::{Purpose, stream};
use crate::resample::{Canvas, Pixels, Resampler};

/// From a decoded image to what a network reads: geometry, augmentation, normalisation.
///
/// The steps are TorchVision's (`torchvision/transforms/_presets.py`): a square is cut out of the resized image, 8-bit
/// operations change it, each channel becomes `(value / 255 - mean) / std`, and perhaps a rectangle is erased.
#[derive(Clone, Debug)]
pub struct Transform {
    side: u32,
    channels: usize,
    interpolation: Interpolation,
    framing: Framing,
    decoding: Decoding,
    layout: Layout,
    /// Boxed, because most transforms lie in an enum whose other variants are small.
    augment: Box<Augment>,
    /// For each channel the result for each 8-bit value.
    normalised: Vec<[f32; 256]>,
}

/// How a square is cut out that is the same in every epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    side: u32,
    channels: usize,
    still: Still,
    interpolation: Interpolation,
}

/// Buffers that pass from image to image.
#[derive(Default)]
pub(crate) struct Scratch {
    resampler: Resampler,
    gray: Vec<u8>,
    square: Vec<u8>,
    spare: Vec<u8>,
}

impl Transform {
    /// The preparation for evaluation: made square as [`InputSpec::fit`] says, then normalised.
    ///
    /// # Errors
    /// [`Error::Transform`] if the specification makes no sense.
    pub fn evaluation(input: &InputSpec) -> Result<Transform, Error> {
        check_input(input)?;
        let normalised = input
            .mean
            .iter()
            .zip(&input.std)
            .map(|(mean, std)| std::array::from_fn(|value| (value as f32 / 255.0 - mean) / std));
        Ok(Transform {
            side: input.crop,
            channels: input.channels.into(),
            interpolation: input.interpolation,
            framing: Framing::Still(Still::of(input)),
            decoding: Decoding {
                least: None,
                range: input.range.and_then(|range| NonZeroU16::new(range.largest())),
            },
            layout: Layout::default(),
            augment: Box::default(),
            normalised: normalised.collect(),
        })
    }

    /// The preparation for training: random changes before normalising. Without [`Augment::resized_crop`] the frame is
    /// that of evaluation.
    ///
    /// # Errors
    /// [`Error::Transform`] if the specification makes no sense.
    pub fn training(input: &InputSpec, augment: &Augment) -> Result<Transform, Error> {
        let evaluation = Transform::evaluation(input)?;
        let framing = augment.resized_crop.map_or(evaluation.framing, Framing::Random);
        Ok(Transform { framing, augment: Box::new(*augment), ..evaluation })
    }

    /// Lets JPEG files that are more than twice as large as what is shown of them be reduced while they are decoded, to a
    /// half, a quarter or an eighth. It is quicker for photographs straight from a camera, and no longer TorchVision to
    /// the pixel. Where each epoch shows another part of the image, nothing is reduced.
    #[must_use]
    pub fn reducing(self) -> Transform {
        let decoding = Decoding { least: self.framing.least(self.side), ..self.decoding };
        Transform { decoding, ..self }
    }

    /// Has the numbers of an image lie in this order, in place of [`Layout::ChannelsFirst`].
    #[must_use]
    pub fn laid(self, layout: Layout) -> Transform {
        Transform { layout, ..self }
    }

    /// In which order they lie.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns how its images are decoded.
    #[must_use]
    pub fn decoding(&self) -> Decoding {
        self.decoding
    }

    /// Channels of the result: 3 or 1.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Side of the square result, in pixels.
    pub fn size(&self) -> usize {
        self.side as usize
    }

    /// Prepares one image: `[channels, size, size]`. The sample's id and the epoch decide about random changes.
    ///
    /// # Errors
    /// [`Error::Transform`] if the image has no pixels.
    pub fn apply(&self, image: &RgbImage, id: u64, epoch: u32) -> Result<Vec<f32>, Error> {
        let mut result = vec![0.0; self.len()];
        self.apply_into(image, id, epoch, &mut Scratch::default(), &mut result)?;
        Ok(result)
    }

    /// How it cuts out squares; `None` if it cuts out other ones in each epoch.
    pub(crate) fn framed(&self) -> Option<Framed> {
        let Self { side, channels, interpolation, .. } = *self;
        match self.framing {
            Framing::Still(still) => Some(Framed { side, channels, still, interpolation }),
            Framing::Random(_) => None,
        }
    }

    /// The square that [`Transform::framed`] tells of, `[size, size, channels]`.
    pub(crate) fn cut(&self, image: &RgbImage, scratch: &mut Scratch) -> Result<Vec<u8>, Error> {
        // It takes no random numbers.
        self.frame(image, scratch, &mut stream(Purpose::Augment, 0, [0, 0]))?;
        Ok(scratch.square.clone())
    }

    /// Numbers per image.
    pub(crate) fn len(&self) -> usize {
        self.channels * self.size() * self.size()
    }

    pub(crate) fn apply_into(
        &self,
        image: &RgbImage,
        id: u64,
        epoch: u32,
        scratch: &mut Scratch,
        result: &mut [f32],
    ) -> Result<(), Error> {
        let mut rng = stream(Purpose::Augment, self.augment.seed, [epoch.into(), id]);
        self.frame(image, scratch, &mut rng)?;
        self.finish(scratch, &mut rng, result);
        Ok(())
    }

    /// As [`Transform::apply_into`], from the square that [`Transform::cut`] gave.
    pub(crate) fn apply_to_square(
        &self,
        square: &[u8],
        id: u64,
        epoch: u32,
        scratch: &mut Scratch,
        result: &mut [f32],
    ) {
        let mut rng = stream(Purpose::Augment, self.augment.seed, [epoch.into(), id]);
        scratch.square.clear();
        scratch.square.extend_from_slice(square);
        self.finish(scratch, &mut rng, result);
    }

    /// From `scratch.square` to numbers.
    fn finish(&self, scratch: &mut Scratch, rng: &mut ChaCha8Rng, result: &mut [f32]) {
        self.change(scratch, rng);
        self.normalise(&scratch.square, result);
        if let Some(erasing) = self.augment.erasing {
            erasing.apply(result, self.size(), self.layout, rng);
        }
    }

    /// The random changes of the 8-bit square.
    fn change(&self, scratch: &mut Scratch, rng: &mut ChaCha8Rng) {
        let Augment { horizontal_flip, vertical_flip, quarter_turns, rotation, sampling, .. } = *self.augment;
        let Augment { policy, color_jitter, gray, blur, .. } = *self.augment;
        let Scratch { square: bytes, spare, .. } = scratch;
        let mut square = Square { bytes, spare, side: self.size(), channels: self.channels };
        let mut apply = |operation: Operation| operation.apply(&mut square, sampling);
        // What is off draws nothing: what is on draws the same numbers without it.
        if horizontal_flip.get() > 0.0 && rng.random::<f64>() < horizontal_flip.get() {
            apply(Operation::HorizontalFlip);
        }
        if vertical_flip.get() > 0.0 && rng.random::<f64>() < vertical_flip.get() {
            apply(Operation::VerticalFlip);
        }
        if quarter_turns {
            apply(Operation::QuarterTurns(rng.random_range(0..4)));
        }
        let degrees = rotation.get();
        if degrees > 0.0 {
            apply(Operation::Rotate(rng.random_range(-degrees..=degrees)));
        }
        if let Some(policy) = policy {
            policy.draw(self.size(), rng, &mut apply);
        }
        if let Some(jitter) = color_jitter {
            jitter.draw(rng, &mut apply);
        }
        if gray.get() > 0.0 && rng.random::<f64>() < gray.get() {
            apply(Operation::Gray);
        }
        if let Some(blur) = blur {
            blur.draw(rng, apply);
        }
    }

    /// Fills `scratch.square` with the part of the image that is shown, `[size, size, channels]`.
    fn frame(&self, image: &RgbImage, scratch: &mut Scratch, rng: &mut ChaCha8Rng) -> Result<(), Error> {
        let Scratch { resampler, gray, square, .. } = scratch;
        square.resize(self.len(), 0);
        let size = [image.width(), image.height()];
        if size.contains(&0) {
            return Err(Error::Transform("an image without pixels cannot be resized".to_owned()));
        }
        let bytes = if self.channels == 1 {
            to_luma(image, gray);
            gray.as_slice()
        } else {
            image.as_raw()
        };
        let source = Pixels { bytes, size, channels: self.channels };
        let frame = self.framing.frame(size, self.side, rng);
        let canvas = Canvas { square, side: self.side, fill: self.framing.fill() };
        resampler.render(source, &frame, self.interpolation, canvas)
    }

    /// `[size, size, channels]` bytes to numbers, in the order that is wanted.
    fn normalise(&self, square: &[u8], result: &mut [f32]) {
        match self.layout {
            Layout::ChannelsFirst => {
                let planes = result.chunks_exact_mut(self.size() * self.size());
                for (channel, (plane, normalised)) in planes.zip(&self.normalised).enumerate() {
                    let values = square.iter().skip(channel).step_by(self.channels);
                    for (result, value) in plane.iter_mut().zip(values) {
                        *result = normalised[usize::from(*value)];
                    }
                }
            }
            Layout::ChannelsLast => {
                let pixels = result.chunks_exact_mut(self.channels);
                for (result, values) in pixels.zip(square.chunks_exact(self.channels)) {
                    for ((result, value), normalised) in result.iter_mut().zip(values).zip(&self.normalised) {
                        *result = normalised[usize::from(*value)];
                    }
                }
            }
        }
    }
}

impl Framed {
    /// Bytes of a square.
    pub(crate) fn bytes(&self) -> usize {
        (self.side * self.side) as usize * self.channels
    }

    /// A square as an image.
    pub(crate) fn image(&self, square: &[u8]) -> RgbImage {
        let side = self.side as usize;
        RgbImage::from_fn(self.side, self.side, |x, y| {
            let at = (y as usize * side + x as usize) * self.channels;
            let channel = |number: usize| square[at + number.min(self.channels - 1)];
            image::Rgb([channel(0), channel(1), channel(2)])
        })
    }
}

fn to_luma(image: &RgbImage, gray: &mut Vec<u8>) {
    gray.clear();
    gray.extend(image.as_raw().chunks_exact(3).map(luma));
}

fn check_input(input: &InputSpec) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Transform(what));
    let InputSpec { resize, crop, channels, mean, std, .. } = input;
    if !matches!(channels, 1 | 3) {
        return refuse(format!("input.channels is {channels}; it must be 1 (grayscale) or 3 (RGB)"));
    }
    const LARGEST: u32 = 1 << 14;
    if !(1..=LARGEST).contains(crop) || !(1..=LARGEST).contains(resize) {
        return refuse(format!(
            "input.resize is {resize} and input.crop is {crop}; both must be 1 to {LARGEST}"
        ));
    }
    if mean.len() != usize::from(*channels) || std.len() != usize::from(*channels) {
        return refuse(format!(
            "input.mean has {} values and input.std has {}; both need one for each of the {channels} channels",
            mean.len(),
            std.len()
        ));
    }
    if !mean.iter().all(|mean| mean.is_finite()) || !std.iter().all(|std| std.is_finite() && *std > 0.0) {
        return refuse(format!("input.mean is {mean:?} and input.std is {std:?}; std must be above 0"));
    }
    Ok(())
}
