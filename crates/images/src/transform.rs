use image::RgbImage;
use pretrained::{InputSpec, Interpolation};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Error;
use crate::geometry::{center_frame, random_frame};
use crate::random::{Purpose, stream};
use crate::resample::{Pixels, Resampler};

/// From a decoded picture to what a network reads: geometry, augmentation, normalisation.
///
/// The steps are TorchVision's (`torchvision/transforms/_presets.py`): a square is cut out of the resized picture, 8-bit
/// operations change it, then each channel becomes `(value / 255 - mean) / std`.
#[derive(Clone, Debug)]
pub struct Transform {
    side: u32,
    channels: usize,
    interpolation: Interpolation,
    framing: Framing,
    operations: Vec<Operation>,
    /// For each channel the result for each 8-bit value.
    normalised: Vec<[f32; 256]>,
    seed: u64,
}

/// Random changes of the pictures that training sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Decides everything, together with the epoch and the sample's id.
    pub seed: u64,
    /// The probability of mirroring left and right.
    pub horizontal_flip: f64,
    /// A random part of the picture instead of its centre.
    pub resized_crop: Option<ResizedCrop>,
}

/// A random part of the picture, stretched to the network's size: TorchVision's `RandomResizedCrop`, described as
/// "Inception-style" cropping (Szegedy et al., "Going deeper with convolutions", 2015, section 6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResizedCrop {
    /// Least and greatest share of the picture's area; TorchVision's default is 0.08 to 1.
    pub scale: (f64, f64),
    /// Least and greatest width divided by height; TorchVision's default is 3/4 to 4/3.
    pub ratio: (f64, f64),
}

/// Which part of the picture becomes the square.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Center { shorter: u32 },
    Random(ResizedCrop),
}

/// A change of the 8-bit square, in the order of the list.
#[derive(Clone, Copy, Debug)]
enum Operation {
    HorizontalFlip { probability: f64 },
}

/// Buffers that pass from picture to picture.
#[derive(Default)]
pub(crate) struct Scratch {
    resampler: Resampler,
    luma: Vec<u8>,
    square: Vec<u8>,
}

impl Transform {
    /// The preparation for evaluation: resize the shorter side, crop the centre, normalise.
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
            framing: Framing::Center { shorter: input.resize },
            operations: Vec::new(),
            normalised: normalised.collect(),
            seed: 0,
        })
    }

    /// The preparation for training: random changes before normalising. Without [`Augment::resized_crop`] the frame is
    /// that of evaluation.
    ///
    /// # Errors
    /// [`Error::Transform`] if the specification or an augmentation makes no sense.
    pub fn training(input: &InputSpec, augment: &Augment) -> Result<Transform, Error> {
        check_augment(augment)?;
        let mut transform = Transform::evaluation(input)?;
        transform.seed = augment.seed;
        if let Some(crop) = augment.resized_crop {
            transform.framing = Framing::Random(crop);
        }
        if augment.horizontal_flip > 0.0 {
            transform.operations.push(Operation::HorizontalFlip { probability: augment.horizontal_flip });
        }
        Ok(transform)
    }

    /// Channels of the result: 3 or 1.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Side of the square result, in pixels.
    pub fn size(&self) -> usize {
        self.side as usize
    }

    /// Prepares one picture: `[channels, size, size]`. The sample's id and the epoch decide about random changes.
    ///
    /// # Errors
    /// [`Error::Transform`] if the picture has no pixels.
    pub fn apply(&self, picture: &RgbImage, id: u64, epoch: u32) -> Result<Vec<f32>, Error> {
        let mut result = vec![0.0; self.len()];
        self.apply_into(picture, id, epoch, &mut Scratch::default(), &mut result)?;
        Ok(result)
    }

    /// Numbers per picture.
    pub(crate) fn len(&self) -> usize {
        self.channels * self.size() * self.size()
    }

    pub(crate) fn apply_into(
        &self,
        picture: &RgbImage,
        id: u64,
        epoch: u32,
        scratch: &mut Scratch,
        result: &mut [f32],
    ) -> Result<(), Error> {
        let mut rng = stream(Purpose::Augment, self.seed, [epoch.into(), id]);
        self.frame(picture, scratch, &mut rng)?;
        for operation in &self.operations {
            operation.apply(&mut scratch.square, self.size(), self.channels, &mut rng);
        }
        self.normalise(&scratch.square, result);
        Ok(())
    }

    /// Fills `scratch.square` with the part of the picture that is shown, `[size, size, channels]`.
    fn frame(&self, picture: &RgbImage, scratch: &mut Scratch, rng: &mut ChaCha8Rng) -> Result<(), Error> {
        let Scratch { resampler, luma, square } = scratch;
        square.resize(self.len(), 0);
        let size = [picture.width(), picture.height()];
        if size.contains(&0) {
            return Err(Error::Transform("a picture without pixels cannot be resized".to_owned()));
        }
        let bytes = if self.channels == 1 {
            to_luma(picture, luma);
            luma.as_slice()
        } else {
            picture.as_raw()
        };
        let source = Pixels { bytes, size, channels: self.channels };
        let frame = match &self.framing {
            Framing::Center { shorter } => center_frame(size, *shorter, self.side),
            Framing::Random(crop) => random_frame(size, crop, self.side, rng),
        };
        resampler.render(source, &frame, self.interpolation, square, self.side)
    }

    /// `[size, size, channels]` bytes to `[channels, size, size]` numbers.
    fn normalise(&self, square: &[u8], result: &mut [f32]) {
        let planes = result.chunks_exact_mut(self.size() * self.size());
        for (channel, (plane, normalised)) in planes.zip(&self.normalised).enumerate() {
            let values = square.iter().skip(channel).step_by(self.channels);
            for (result, value) in plane.iter_mut().zip(values) {
                *result = normalised[usize::from(*value)];
            }
        }
    }
}

impl Operation {
    fn apply(&self, square: &mut [u8], side: usize, channels: usize, rng: &mut ChaCha8Rng) {
        match *self {
            Operation::HorizontalFlip { probability } => {
                if rng.random::<f64>() < probability {
                    square.chunks_exact_mut(side * channels).for_each(|row| mirror(row, channels));
                }
            }
        }
    }
}

fn mirror(row: &mut [u8], channels: usize) {
    row.reverse();
    // Reversing the bytes has turned each pixel's channels round as well.
    row.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
}

/// Pillow's RGB to L: 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point (`libImaging/Convert.c`).
fn to_luma(picture: &RgbImage, luma: &mut Vec<u8>) {
    luma.clear();
    luma.extend(picture.as_raw().chunks_exact(3).map(|rgb| {
        let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
        ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
    }));
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

fn check_augment(augment: &Augment) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Transform(what));
    if !(0.0..=1.0).contains(&augment.horizontal_flip) {
        return refuse(format!("the flip probability is {}; it must be 0 to 1", augment.horizontal_flip));
    }
    let Some(ResizedCrop { scale, ratio }) = augment.resized_crop else { return Ok(()) };
    if !(scale.0 > 0.0 && scale.0 <= scale.1 && scale.1 <= 1.0) {
        return refuse(format!("the crop's scale is {scale:?}; it must rise and lie above 0 and up to 1"));
    }
    if !(ratio.0 > 0.0 && ratio.0 <= ratio.1 && ratio.1.is_finite()) {
        return refuse(format!("the crop's ratio is {ratio:?}; it must rise and lie above 0"));
    }
    Ok(())
}
