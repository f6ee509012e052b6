use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use image_file::{Decoding, Least, decode_for};
use sha2::{Digest, Sha256};

use crate::outcomes::{Decoded, InMemory, Outcomes};
use crate::transform::{Framed, Scratch};
use crate::{Error, Keep, Sample, Shown, Transform, WideImages};

/// Images that were decoded once, kept in memory up to a limit: whole, or only the part that a transform shows. Clones
/// share them.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// A file that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Reason, for the user.
    pub reason: String,
}

struct Shared {
    samples: Vec<Sample>,
    /// One for each sample; `None` if it did not fit into the limit.
    images: Vec<Option<InMemory>>,
    /// Framing of the squares; `None` where images are whole.
    framed: Option<Framed>,
    /// How all images were decoded.
    decoding: Decoding,
    /// The shorter side of each, in pixels.
    sides: Vec<u32>,
    /// SHA-256 of each file.
    sha256s: Vec<[u8; 32]>,
    unreadable: Vec<Unreadable>,
    wide: WideImages,
}

impl Store {
    /// Decodes every file once, on up to `threads` threads, and keeps images up to `memory_limit` bytes in all. Which ones
    /// are kept depends on chance, and never changes a result: the others are decoded again whenever they are needed.
    ///
    /// `progress` is called with the number of files done and their total, from several threads and not always in
    /// rising order; `Break` stops the work.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `progress` returns `Break`; [`Error::Worker`] if no thread can be started. An unreadable
    /// file is not an error: see [`Store::unreadable`].
    pub fn decode(
        samples: Vec<Sample>,
        keep: Keep,
        memory_limit: u64,
        threads: usize,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Store, Error> {
        let mut outcomes = Outcomes::none(keep);
        outcomes.decode(&samples, memory_limit, threads, progress)?;
        Ok(Store::of(samples, outcomes))
    }

    /// Returns the store of samples of which these are the outcomes, one for each, in their order.
    pub fn of(samples: Vec<Sample>, outcomes: Outcomes) -> Store {
        Store { shared: Arc::new(Shared::new(samples, outcomes)) }
    }

    /// Returns the readable samples, in the order given.
    pub fn samples(&self) -> &[Sample] {
        &self.shared.samples
    }

    /// Returns the median of the images' shorter sides in pixels, rounded; `None` without images.
    pub fn median_side(&self) -> Option<u32> {
        let sides: Vec<f64> = self.shared.sides.iter().copied().map(f64::from).collect();
        // Between two whole numbers at most, so it fits.
        statistics::median(&sides).map(|side| side.round() as u32)
    }

    /// Returns a digest of a sample's file and of how it is decoded: the same pixels have the same digest, wherever the file
    /// lies.
    ///
    /// # Errors
    /// [`Error::NoSuchSample`].
    pub fn digest(&self, index: u32) -> Result<[u8; 32], Error> {
        let Shared { sha256s, decoding, .. } = &*self.shared;
        let sha256 = sha256s.get(index as usize).ok_or(Error::NoSuchSample { index, len: sha256s.len() })?;
        Ok(digest(sha256, *decoding))
    }

    /// Returns the SHA-256 of the file of each sample.
    pub fn sha256s(&self) -> &[[u8; 32]] {
        &self.shared.sha256s
    }

    /// Returns the files that could not be decoded, sorted by path.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.shared.unreadable
    }

    /// Counts the readable images of 16 bits.
    pub fn wide(&self) -> WideImages {
        self.shared.wide
    }

    /// Returns the whole image at an index of [`Store::samples`], from memory or from its file.
    ///
    /// # Errors
    /// [`Error::Decode`] if the file has become unreadable since; [`Error::NoSuchSample`].
    pub fn image(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        self.reduced(index, None)
    }

    /// Returns the image for a frame: reduced while decoding if squares of this frame are kept.
    pub(crate) fn image_for(&self, index: u32, frame: Option<&Framed>) -> Result<Cow<'_, RgbImage>, Error> {
        let alike = self.shared.framed.is_some() && self.shared.framed.as_ref() == frame;
        self.reduced(index, self.shared.decoding.least.filter(|_| alike))
    }

    fn reduced(&self, index: u32, least: Option<Least>) -> Result<Cow<'_, RgbImage>, Error> {
        let (sample, pixels) = self.at(index)?;
        match pixels {
            Some(InMemory::Whole(image)) => Ok(Cow::Borrowed(image)),
            _ => decode_for(&sample.path, Decoding { least, ..self.shared.decoding })
                .map(|decoded| Cow::Owned(decoded.image))
                .map_err(|source| Error::Decode { path: sample.path.clone(), source }),
        }
    }

    /// Returns the image to display: the whole of it, or its square if only that is in memory.
    ///
    /// # Errors
    /// As [`Store::image`].
    pub fn view(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        let squares = self.shared.framed.as_ref();
        match squares.zip(self.at(index)?.1) {
            Some((framed, InMemory::Square(square))) => Ok(Cow::Owned(framed.image(square))),
            _ => self.image(index),
        }
    }

    /// Returns an image as a network reads it, and as it looks: see [`Transform::show`].
    ///
    /// # Errors
    /// As [`Store::image`] and [`Transform::show`].
    pub fn shown(&self, index: u32, transform: &Transform) -> Result<Shown, Error> {
        let framed = transform.framed();
        let Some((square, framed)) = self.square(index, framed.as_ref()).zip(framed.as_ref()) else {
            return transform.show(&*self.image_for(index, framed.as_ref())?);
        };
        let mut pixels = vec![0.0; transform.len()];
        transform.apply_to_square(square, self.sample(index)?.id, 0, &mut Scratch::default(), &mut pixels);
        Ok(Shown { square: framed.image(square), pixels })
    }

    /// Returns the square in memory, 8-bit `[side, side, channels]`, if it has this framing.
    pub(crate) fn square(&self, index: u32, framed: Option<&Framed>) -> Option<&[u8]> {
        let cut_alike = framed.is_some() && framed == self.shared.framed.as_ref();
        match self.shared.images.get(index as usize).filter(|_| cut_alike)? {
            Some(InMemory::Square(square)) => Some(square),
            _ => None,
        }
    }

    /// Returns the sample at an index of [`Store::samples`].
    pub(crate) fn sample(&self, index: u32) -> Result<&Sample, Error> {
        Ok(self.at(index)?.0)
    }

    fn at(&self, index: u32) -> Result<(&Sample, Option<&InMemory>), Error> {
        let Shared { samples, images, .. } = &*self.shared;
        let found = samples.get(index as usize).zip(images.get(index as usize));
        let (sample, pixels) = found.ok_or(Error::NoSuchSample { index, len: samples.len() })?;
        Ok((sample, pixels.as_ref()))
    }
}

impl Shared {
    fn new(samples: Vec<Sample>, Outcomes { framed, decoding, each, .. }: Outcomes) -> Shared {
        let mut shared = Shared {
            samples: Vec::new(),
            images: Vec::new(),
            framed,
            decoding,
            sides: Vec::new(),
            sha256s: Vec::new(),
            unreadable: Vec::new(),
            wide: WideImages::default(),
        };
        for (sample, outcome) in samples.into_iter().zip(each) {
            match outcome {
                Ok(Decoded { side, sha256, brightest, image }) => {
                    shared.wide.add(brightest, decoding.range);
                    shared.samples.push(sample);
                    shared.images.push(image);
                    shared.sides.push(side);
                    shared.sha256s.push(sha256);
                }
                Err(reason) => shared.unreadable.push(Unreadable { path: sample.path, reason }),
            }
        }
        shared.unreadable.sort();
        shared
    }
}

/// Digests a file, the way it is decoded and the version of the decoders.
fn digest(sha256: &[u8; 32], decoding: Decoding) -> [u8; 32] {
    let (longer, least) = match decoding.least {
        None => (false, 0),
        Some(Least::Shorter(least)) => (false, least),
        Some(Least::Longer(least)) => (true, least),
    };
    let range = decoding.range.map_or(0, |range| u32::from(range.get()));
    // Bits of their own: 8 for the decoders, 1, and 16 for the largest of ranges.
    let kind = image_file::VERSION | u32::from(longer) << 8 | range << 9;
    let how = [kind, least].map(u32::to_le_bytes);
    Sha256::new().chain_update(how.concat()).chain_update(sha256).finalize().into()
}
