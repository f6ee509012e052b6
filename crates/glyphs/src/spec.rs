//! Everything that decides the bytes of a folder of letters.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Alphabet, Error, Face, Partition, Split, faces};

/// Raised whenever the same spec would give other images, so that older folders are recognised.
const DRAWING_VERSION: u32 = 1;

/// What to draw. Two equal specs give the same bytes on every machine and with any number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The classes.
    pub alphabet: Alphabet,
    /// Which faces are in which part.
    pub split: Split,
    /// Width and height of an image in pixels, 16 to 256.
    pub size: u32,
    /// Images of each class in `train/`, at least 1.
    pub train_per_class: u32,
    /// Images of each class in `val/`; with 0 there is no such folder.
    pub validation_per_class: u32,
    /// Images of each class in `test/`; with 0 there is no such folder.
    pub test_per_class: u32,
    /// Chooses the variation of each image. The faces are chosen by the seed of [`Split::ByFace`].
    pub seed: u64,
    /// How far images of one letter in one face differ.
    pub variation: Variation,
}

/// The strength of each random change. An image draws each one uniformly, except that noise is roughly normal.
///
/// Lengths are in pixels of an image 28 pixels wide, and grow with its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variation {
    /// Largest rotation either way, in degrees, at most 45.
    pub rotation: f32,
    /// Smallest and largest height of a capital, as a part of the image's, within 0.1 to 1. A letter that would not
    /// fit is drawn smaller.
    pub cap_height: [f32; 2],
    /// Largest stretch in width, either way: with 0.2 a letter is 1/1.2 to 1.2 times as wide. At most 1.
    pub stretch: f32,
    /// Largest shift in each direction, in pixels; a letter is never shifted out of its image.
    pub shift: f32,
    /// Least and most pixels added to each side of a stroke, within -1 to 2; negative makes strokes thinner.
    pub stroke: [f32; 2],
    /// Largest standard deviation of the blur, in pixels, at most 4.
    pub blur: f32,
    /// Largest standard deviation of the noise, where white is 1, at most 0.5.
    pub noise: f32,
}

impl Spec {
    /// Images of 28 x 28 pixels with the usual variation: 400 of each class for training, 40 for validation and 40 for
    /// the test.
    #[must_use]
    pub fn new(alphabet: Alphabet, split: Split) -> Spec {
        Spec {
            alphabet,
            split,
            size: 28,
            train_per_class: 400,
            validation_per_class: 40,
            test_per_class: 40,
            seed: 0,
            variation: Variation::default(),
        }
    }

    /// SHA-256 in hex over this spec, the fonts it would use and the version of the drawing: equal digests, equal folders.
    ///
    /// # Errors
    ///
    /// As [`Spec::check`].
    pub fn digest(&self) -> Result<String, Error> {
        Ok(self.digest_with(&self.check(&faces()?)?))
    }

    /// Whether the spec can be drawn, and with which faces.
    ///
    /// # Errors
    ///
    /// [`Error::Spec`] with the field that is out of bounds.
    pub fn check<'a>(&self, faces: &'a [Face]) -> Result<Partition<'a>, Error> {
        let partition = self.split.partition(faces)?;
        check_size(self.size)?;
        if self.train_per_class == 0 {
            return refuse("train_per_class", &0, "there must be an image to learn from; give 1 or more");
        }
        if self.validation_per_class > 0 && partition.validation.is_empty() {
            let rule = "the split keeps no face for validation; give 0 or change the split";
            return refuse("validation_per_class", &self.validation_per_class, rule);
        }
        if self.test_per_class > 0 && partition.test.is_empty() {
            let rule = "the split keeps no face for the test; give 0 or change the split";
            return refuse("test_per_class", &self.test_per_class, rule);
        }
        self.variation.check()?;
        Ok(partition)
    }

    /// [`Spec::digest`], for a caller that has divided the faces already.
    pub(crate) fn digest_with(&self, partition: &Partition<'_>) -> String {
        // The debug form of a float is the shortest text that reads back as the same number, so it can be hashed.
        let mut hash = Sha256::new().chain_update(format!("glyphs {DRAWING_VERSION}\n{self:?}\n"));
        for (name, faces) in partition.parts() {
            hash.update(format!("{name}\n"));
            faces.iter().for_each(|face| hash.update(face.sha256));
        }
        hex::encode(hash.finalize())
    }
}

impl Default for Variation {
    /// Plainly visible, while a person still reads nearly every letter.
    fn default() -> Self {
        Variation {
            rotation: 12.0,
            cap_height: [0.42, 0.72],
            stretch: 0.3,
            shift: 4.5,
            stroke: [-0.15, 0.6],
            blur: 1.1,
            noise: 0.2,
        }
    }
}

impl Variation {
    /// Every image of a letter in a face the same: upright, centred, clean.
    #[must_use]
    pub fn none() -> Variation {
        let zero = [0.0; 2];
        Variation {
            rotation: 0.0,
            cap_height: [0.6; 2],
            stretch: 0.0,
            shift: 0.0,
            stroke: zero,
            blur: 0.0,
            noise: 0.0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        within("rotation", self.rotation, 0.0..=45.0, "it must lie within 0 and 45 degrees")?;
        ordered(
            "cap_height",
            self.cap_height,
            0.1..=1.0,
            "give the smallest and the largest, within 0.1 and 1",
        )?;
        within("stretch", self.stretch, 0.0..=1.0, "it must lie within 0 and 1")?;
        within("shift", self.shift, 0.0..=28.0, "it must lie within 0 and 28 pixels")?;
        ordered("stroke", self.stroke, -1.0..=2.0, "give the least and the most, within -1 and 2 pixels")?;
        within("blur", self.blur, 0.0..=4.0, "it must lie within 0 and 4 pixels")?;
        within("noise", self.noise, 0.0..=0.5, "it must lie within 0 and 0.5")
    }
}

pub(crate) fn check_size(size: u32) -> Result<(), Error> {
    within("size", size as f32, 16.0..=256.0, "it must lie within 16 and 256 pixels")
}

fn within(
    field: &'static str,
    value: f32,
    range: RangeInclusive<f32>,
    rule: &'static str,
) -> Result<(), Error> {
    if range.contains(&value) { Ok(()) } else { refuse(field, &value, rule) }
}

fn ordered(
    field: &'static str,
    ends: [f32; 2],
    range: RangeInclusive<f32>,
    rule: &'static str,
) -> Result<(), Error> {
    let fine = ends[0] <= ends[1] && range.contains(&ends[0]) && range.contains(&ends[1]);
    if fine { Ok(()) } else { refuse(field, &ends, rule) }
}

fn refuse<T>(field: &'static str, value: &dyn std::fmt::Debug, rule: &'static str) -> Result<T, Error> {
    Err(Error::Spec { field, value: format!("{value:?}"), rule })
}
