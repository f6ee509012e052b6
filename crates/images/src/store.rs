use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::decode::{decode_bytes, decode_for, read};
use crate::decoding::{self, Decoding, Least};
use crate::transform::{Framed, Scratch};
use crate::{DecodeError, Error, Sample, Transform, WideImages};

/// Pictures that were decoded once, kept in memory as far as a limit allows: whole, or only what a transform shows of
/// them. Cloning shares them.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// A file that gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What of the pictures is kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// All of them.
    Whole,
    /// All of them, read as this transform reads them: 16-bit data in its range.
    WholeFor(Box<Transform>),
    /// The square that this transform shows, where it shows the same one in every epoch; it takes a third of the memory
    /// of a photograph, and is resized once.
    Square(Box<Transform>),
}

struct Shared {
    samples: Vec<Sample>,
    /// One for each sample; `None` if it did not fit into the limit.
    pictures: Vec<Option<Kept>>,
    /// How kept squares were cut out.
    framed: Option<Framed>,
    /// How all pictures were decoded.
    decoding: Decoding,
    /// The shorter side of each, in pixels.
    sides: Vec<u32>,
    /// SHA-256 of each file.
    sha256s: Vec<[u8; 32]>,
    unreadable: Vec<Unreadable>,
    wide: WideImages,
}

/// A picture that could be read.
struct Decoded {
    side: u32,
    sha256: [u8; 32],
    brightest: Option<u16>,
    /// Itself, if there was room for it.
    picture: Option<Kept>,
}

/// A picture in memory.
enum Kept {
    Whole(RgbImage),
    /// `[side, side, channels]`
    Square(Vec<u8>),
}

impl Store {
    /// Decodes every file once, on so many threads at most, and keeps of them what `keep` says, up to `memory_limit` bytes
    /// altogether (which ones is left to chance; it never changes a result). The others are decoded again whenever they
    /// are needed.
    ///
    /// `progress` is called with the number of files done and their total, from several threads and not always in
    /// rising order; it stops the work by returning `Break`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `progress` says so; [`Error::Worker`] without threads to be had. An
    /// unreadable file is no error: see [`Store::unreadable`].
    pub fn decode(
        samples: Vec<Sample>,
        keep: Keep,
        memory_limit: u64,
        threads: usize,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Store, Error> {
        let total = samples.len() as u64;
        let done = AtomicU64::new(0);
        let free = AtomicU64::new(memory_limit);
        let transform = match &keep {
            Keep::Square(transform) => transform.framed().map(|framed| (transform, framed)),
            Keep::Whole | Keep::WholeFor(_) => None,
        };
        let decoding = match &keep {
            Keep::Whole => Decoding::default(),
            Keep::WholeFor(wanted) => Decoding { least: None, ..wanted.decoding() },
            Keep::Square(wanted) => wanted.decoding(),
        };
        let outcomes = samples.par_iter().map_init(Scratch::default, |scratch, sample| {
            let outcome = read(&sample.path).and_then(|file| {
                let decoding::Decoded { image: picture, brightest } = decode_bytes(&file, decoding)?;
                let side = picture.width().min(picture.height());
                let sha256 = Sha256::digest(&file).into();
                let bytes = transform.as_ref().map_or(picture.len(), |(_, framed)| framed.bytes());
                let room = reserve(&free, bytes as u64);
                let picture = room.then(|| match &transform {
                    Some((transform, _)) => transform.cut(&picture, scratch).map(Kept::Square),
                    None => Ok(Kept::Whole(picture)),
                });
                Ok(Decoded { side, sha256, brightest, picture: picture.and_then(Result::ok) })
            });
            match progress(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                ControlFlow::Continue(()) => Ok(outcome),
                ControlFlow::Break(()) => Err(Error::Interrupted),
            }
        });
        let threads = threads.min(samples.len()).max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Error::Worker(error.to_string()))?;
        let outcomes = pool.install(|| outcomes.collect::<Result<Vec<_>, Error>>())?;
        let framed = transform.map(|(_, framed)| framed);
        Ok(Store { shared: Arc::new(Shared::sorted_out(samples, outcomes, framed, decoding)) })
    }

    /// The readable samples, in the order in which they were given.
    pub fn samples(&self) -> &[Sample] {
        &self.shared.samples
    }

    /// Median of the images' shorter sides in pixels, rounded; `None` without images.
    pub fn median_side(&self) -> Option<u32> {
        let sides: Vec<f64> = self.shared.sides.iter().copied().map(f64::from).collect();
        // Between two whole numbers at most, so it fits.
        statistics::median(&sides).map(|side| side.round() as u32)
    }

    /// Which image the sample at this index is, wherever it lies: a digest of its file and of how that is decoded.
    ///
    /// # Errors
    /// [`Error::NoSuchSample`].
    pub fn digest(&self, index: u32) -> Result<[u8; 32], Error> {
        let Shared { sha256s, decoding, .. } = &*self.shared;
        let sha256 = sha256s.get(index as usize).ok_or(Error::NoSuchSample { index, len: sha256s.len() })?;
        Ok(digest(sha256, *decoding))
    }

    /// SHA-256 of the file of each sample.
    pub fn sha256s(&self) -> &[[u8; 32]] {
        &self.shared.sha256s
    }

    /// The files that gave no picture, sorted by path.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.shared.unreadable
    }

    /// The readable pictures that have 16 bits.
    pub fn wide(&self) -> WideImages {
        self.shared.wide
    }

    /// The picture of the sample at this index of [`Store::samples`], from memory or from its file.
    ///
    /// # Errors
    /// [`Error::Decode`] if the file has become unreadable since; [`Error::NoSuchSample`].
    pub fn picture(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        self.reduced(index, None)
    }

    /// That picture for this frame: perhaps reduced, as the kept squares of its kind were.
    pub(crate) fn picture_for(&self, index: u32, frame: Option<&Framed>) -> Result<Cow<'_, RgbImage>, Error> {
        let alike = self.shared.framed.is_some() && self.shared.framed.as_ref() == frame;
        self.reduced(index, self.shared.decoding.least.filter(|_| alike))
    }

    fn reduced(&self, index: u32, least: Option<Least>) -> Result<Cow<'_, RgbImage>, Error> {
        let (sample, kept) = self.at(index)?;
        match kept {
            Some(Kept::Whole(picture)) => Ok(Cow::Borrowed(picture)),
            _ => decode_for(&sample.path, Decoding { least, ..self.shared.decoding })
                .map(|decoded| Cow::Owned(decoded.image))
                .map_err(|source| Error::Decode { path: sample.path.clone(), source }),
        }
    }

    /// What there is to look at of that picture: itself, or its square where only that is in memory.
    ///
    /// # Errors
    /// As [`Store::picture`].
    pub fn view(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        let squares = self.shared.framed.as_ref();
        match squares.zip(self.at(index)?.1) {
            Some((framed, Kept::Square(square))) => Ok(Cow::Owned(framed.picture(square))),
            _ => self.picture(index),
        }
    }

    /// That picture as a network reads it: the square it is shown, with its colours as they are (gray where the network
    /// reads gray), and the numbers `transform` makes of that, `[channels, size, size]`.
    ///
    /// # Errors
    /// As [`Store::picture`]; [`Error::Transform`] if the transform shows another part of it in each epoch.
    pub fn shown(&self, index: u32, transform: &Transform) -> Result<(RgbImage, Vec<f32>), Error> {
        let framed =
            transform.framed().ok_or_else(|| Error::Transform("nothing shown stays the same".to_owned()))?;
        let scratch = &mut Scratch::default();
        let square: Cow<'_, [u8]> = match self.square(index, Some(&framed)) {
            Some(square) => square.into(),
            None => transform.cut(&*self.picture_for(index, Some(&framed))?, scratch)?.into(),
        };
        let mut pixels = vec![0.0; transform.len()];
        transform.apply_to_square(&square, self.sample(index)?.id, 0, scratch, &mut pixels);
        Ok((framed.picture(&square), pixels))
    }

    /// The kept square of that picture, `[side, side, channels]`, if it was cut out in this way.
    pub(crate) fn square(&self, index: u32, framed: Option<&Framed>) -> Option<&[u8]> {
        let cut_alike = framed.is_some() && framed == self.shared.framed.as_ref();
        match self.shared.pictures.get(index as usize).filter(|_| cut_alike)? {
            Some(Kept::Square(square)) => Some(square),
            _ => None,
        }
    }

    /// The sample at this index of [`Store::samples`].
    pub(crate) fn sample(&self, index: u32) -> Result<&Sample, Error> {
        Ok(self.at(index)?.0)
    }

    fn at(&self, index: u32) -> Result<(&Sample, Option<&Kept>), Error> {
        let Shared { samples, pictures, .. } = &*self.shared;
        let found = samples.get(index as usize).zip(pictures.get(index as usize));
        let (sample, kept) = found.ok_or(Error::NoSuchSample { index, len: samples.len() })?;
        Ok((sample, kept.as_ref()))
    }
}

impl Shared {
    fn sorted_out(
        samples: Vec<Sample>,
        outcomes: Vec<Result<Decoded, DecodeError>>,
        framed: Option<Framed>,
        decoding: Decoding,
    ) -> Shared {
        let mut shared = Shared {
            samples: Vec::new(),
            pictures: Vec::new(),
            framed,
            decoding,
            sides: Vec::new(),
            sha256s: Vec::new(),
            unreadable: Vec::new(),
            wide: WideImages::default(),
        };
        for (sample, outcome) in samples.into_iter().zip(outcomes) {
            match outcome {
                Ok(Decoded { side, sha256, brightest, picture }) => {
                    shared.wide.add(brightest, decoding.range);
                    shared.samples.push(sample);
                    shared.pictures.push(picture);
                    shared.sides.push(side);
                    shared.sha256s.push(sha256);
                }
                Err(error) => {
                    shared.unreadable.push(Unreadable { path: sample.path, reason: error.to_string() });
                }
            }
        }
        shared.unreadable.sort();
        shared
    }
}

/// Which decoders these are: another number when pixels of any format become others (0 and 1 had zune-jpeg).
const DECODERS: u32 = 3;

/// The same file decoded for the same gives the same pixels, by the same decoders.
fn digest(sha256: &[u8; 32], decoding: Decoding) -> [u8; 32] {
    let (longer, least) = match decoding.least {
        None => (false, 0),
        Some(Least::Shorter(least)) => (false, least),
        Some(Least::Longer(least)) => (true, least),
    };
    let range = decoding.range.map_or(0, |range| u32::from(range.largest()));
    // Bits of their own: 8 for the decoders, 1, and 16 for the largest of ranges.
    let kind = DECODERS | u32::from(longer) << 8 | range << 9;
    let how = [kind, least].map(u32::to_le_bytes);
    Sha256::new().chain_update(how.concat()).chain_update(sha256).finalize().into()
}

/// Takes `bytes` of what is free; false if there is less.
fn reserve(free: &AtomicU64, bytes: u64) -> bool {
    free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
}
