//! A written file against the model: the file is read back from disk, and both are asked about the same images.

use std::path::PathBuf;

use image::{Rgb, RgbImage};
use images::{Labelled, Transform};
use onnx::Pixels;
use serde::Serialize;
use tch::{Kind, Tensor};
use trained_model::model::Model;

use crate::feed::{Pair, at_once, for_file, for_model, spread};
use crate::runtime::{Outputs, Runtime};
use crate::{ExportError, Numbers};

/// How a file compares with its model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Number of images.
    pub images: usize,
    /// Whether they are made up, because the run's images are not there.
    pub made_up: bool,
    /// Number of images with the same most probable class.
    pub same: usize,
    /// Largest difference of scores, as a share of the largest score.
    pub apart: f64,
    /// The largest that is allowed.
    pub bound: f64,
}

/// Images that a file is checked on.
const IMAGES: usize = 32;

/// Compares scores and probabilities of a file with the model's on up to 32 labelled images, else on 32 made-up ones. Answers are
/// to be the same wherever the model's two best scores are further apart than the bound.
///
/// # Errors
/// [`ExportError::Operator`] and [`ExportError::Other`] where the file is wrong, [`ExportError::Classes`] where it names others.
pub fn check(
    runtime: &Runtime,
    model: &Model,
    pixels: Pixels,
    numbers: Numbers,
    labelled: Option<&Labelled>,
) -> Result<Checked, ExportError> {
    let classes = runtime.metadata().get("classes");
    let classes = classes.and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
    if classes.as_ref() != Some(&model.classes) {
        return Err(ExportError::Classes);
    }
    let transform = Transform::evaluation(&model.input)?;
    let paths: Vec<PathBuf> = labelled
        .map(|data| data.samples.iter().map(|sample| sample.path.clone()).collect())
        .unwrap_or_default();
    let mut pairs: Vec<Pair> =
        spread(&paths, IMAGES).iter().filter_map(|path| Pair::read(path, &transform, pixels)).collect();
    let made_up = pairs.is_empty();
    if made_up {
        pairs.extend((0..IMAGES as u32).filter_map(|number| Pair::of(made(number), &transform, pixels)));
    }
    let mut found = Found::default();
    for pairs in pairs.chunks(at_once(pixels)) {
        found.compare(model, for_model(model, pairs)?, &runtime.run(for_file(model, pixels, pairs)?)?)?;
    }
    found.judged(made_up, bound(pixels, numbers), pairs.len())
}

/// Float32 differs in its last bits. Float16 has 11 bits, and resizing inside of the file rounds a few bytes otherwise.
fn bound(pixels: Pixels, numbers: Numbers) -> f64 {
    match (pixels, numbers) {
        (Pixels::Crop | Pixels::Prepared, Numbers::Float32) => 1e-4,
        _ => 1e-2,
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    largest: f64,
    difference: f64,
    /// Largest difference of probabilities.
    unlike: f64,
    same: usize,
    /// Of images whose answers differ, the margins of the model's.
    margins: Vec<f64>,
}

impl Found {
    fn compare(&mut self, model: &Model, x: Tensor, found: &Outputs) -> Result<(), ExportError> {
        let _no_gradient = tch::no_grad_guard();
        let backbone = &model.backbone;
        let expected = backbone.classify(&x, backbone::StageId::INPUT, backbone::Mode::Evaluate).logits;
        let expected = expected.f_to_kind(Kind::Double)?;
        let logits = found.logits.f_to_kind(Kind::Double)?;
        let shares = expected.f_div_scalar(model.temperature)?.f_softmax(-1, Kind::Double)?;
        let most = |tensor: &Tensor| -> Result<f64, ExportError> {
            Ok(tensor.f_abs()?.f_max()?.f_double_value(&[])?)
        };
        self.largest = self.largest.max(most(&expected)?);
        let difference = most(&expected.f_sub(&logits)?)?;
        // NaN counts as a large difference.
        self.difference = if difference.is_nan() { f64::INFINITY } else { self.difference.max(difference) };
        self.unlike = self.unlike.max(most(&shares.f_sub(&found.probabilities.f_to_kind(Kind::Double)?)?)?);
        let answers =
            |of: &Tensor| -> Result<Vec<i64>, ExportError> { Ok(Vec::try_from(of.f_argmax(1, false)?)?) };
        let (ours, theirs) = (answers(&expected)?, answers(&logits)?);
        for (row, (our, their)) in ours.iter().zip(&theirs).enumerate() {
            let at = |class: i64| expected.f_double_value(&[row as i64, class]);
            match our == their {
                true => self.same += 1,
                false => self.margins.push(at(*our)? - at(*their)?),
            }
        }
        Ok(())
    }

    fn judged(self, made_up: bool, bound: f64, images: usize) -> Result<Checked, ExportError> {
        let Self { largest, difference, unlike, same, margins } = self;
        let apart = difference / largest.max(1e-30);
        let is_close = apart <= bound && margins.iter().all(|margin| *margin <= bound * largest);
        // A difference of logits moves a probability by half of it at most.
        let is_alike = unlike <= (bound * largest.max(1.0)).max(1e-6);
        match is_close && is_alike {
            true => Ok(Checked { images, made_up, same, apart, bound }),
            false => Err(ExportError::Other { same, images, apart: apart.max(unlike), bound }),
        }
    }
}

/// An image of waves in colour, another one for each number.
fn made(number: u32) -> RgbImage {
    let side = |offset: u32| 180 + (number * 37 + offset) % 160;
    RgbImage::from_fn(side(0), side(71), |x, y| {
        let wave = |channel: u32| {
            let [along, across] =
                [number % 7 + channel + 1, number % 5 + 2 * channel + 1].map(|it| f64::from(it) / 40.0);
            let value = (f64::from(x) * along).sin() + (f64::from(y) * across + f64::from(number)).cos();
            (127.5 + 63.0 * value).round() as u8
        };
        Rgb([wave(0), wave(1), wave(2)])
    })
}
