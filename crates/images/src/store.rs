use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{DecodeError, Error, Sample, decode};

/// Pictures that were decoded once, kept in memory as far as a limit allows. Cloning shares them.
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

struct Shared {
    samples: Vec<Sample>,
    /// One for each sample; `None` if it did not fit into the limit.
    pictures: Vec<Option<RgbImage>>,
    /// The shorter side of each, in pixels.
    sides: Vec<u32>,
    /// SHA-256 of the pixels of each.
    digests: Vec<[u8; 32]>,
    unreadable: Vec<Unreadable>,
}

/// A picture that could be read.
struct Decoded {
    side: u32,
    digest: [u8; 32],
    /// Itself, if there was room for it.
    picture: Option<RgbImage>,
}

impl Store {
    /// Decodes every file once, on rayon's threads, and keeps pictures of up to `memory_limit` bytes altogether (which
    /// ones is left to chance; it never changes a result). The others are decoded again whenever they are needed.
    ///
    /// `progress` is called with the number of files done and their total, from several threads and not always in
    /// rising order; it stops the work by returning `Break`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `progress` says so. An unreadable file is no error: see [`Store::unreadable`].
    pub fn decode(
        samples: Vec<Sample>,
        memory_limit: u64,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Store, Error> {
        let total = samples.len() as u64;
        let done = AtomicU64::new(0);
        let free = AtomicU64::new(memory_limit);
        let outcomes = samples.par_iter().map(|sample| {
            let outcome = decode(&sample.path).map(|picture| {
                let side = picture.width().min(picture.height());
                let digest = digest(&picture);
                let picture = reserve(&free, picture.len() as u64).then_some(picture);
                Decoded { side, digest, picture }
            });
            match progress(done.fetch_add(1, Ordering::Relaxed) + 1, total) {
                ControlFlow::Continue(()) => Ok(outcome),
                ControlFlow::Break(()) => Err(Error::Interrupted),
            }
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, Error>>()?;
        Ok(Store { shared: Arc::new(Shared::sorted_out(samples, outcomes)) })
    }

    /// The readable samples, in the order in which they were given.
    pub fn samples(&self) -> &[Sample] {
        &self.shared.samples
    }

    /// The shorter side of a picture of middling size, in pixels; `None` without pictures.
    pub fn median_side(&self) -> Option<u32> {
        let mut sides = self.shared.sides.clone();
        let middle = sides.len() / 2;
        (!sides.is_empty()).then(|| *sides.select_nth_unstable(middle).1)
    }

    /// SHA-256 of the size and pixels of the sample at this index: who the picture is, wherever its file lies.
    ///
    /// # Errors
    /// [`Error::NoSuchSample`].
    pub fn digest(&self, index: u32) -> Result<&[u8; 32], Error> {
        let Shared { digests, .. } = &*self.shared;
        digests.get(index as usize).ok_or(Error::NoSuchSample { index, len: digests.len() })
    }

    /// The files that gave no picture, sorted by path.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.shared.unreadable
    }

    /// The picture of the sample at this index of [`Store::samples`], from memory or from its file.
    ///
    /// # Errors
    /// [`Error::Decode`] if the file has become unreadable since; [`Error::NoSuchSample`].
    pub fn picture(&self, index: u32) -> Result<Cow<'_, RgbImage>, Error> {
        let Shared { samples, pictures, .. } = &*self.shared;
        let missing = Error::NoSuchSample { index, len: samples.len() };
        let Some((sample, picture)) = samples.get(index as usize).zip(pictures.get(index as usize)) else {
            return Err(missing);
        };
        match picture {
            Some(picture) => Ok(Cow::Borrowed(picture)),
            None => decode(&sample.path)
                .map(Cow::Owned)
                .map_err(|source| Error::Decode { path: sample.path.clone(), source }),
        }
    }
}

impl Shared {
    fn sorted_out(samples: Vec<Sample>, outcomes: Vec<Result<Decoded, DecodeError>>) -> Shared {
        let mut shared = Shared {
            samples: Vec::new(),
            pictures: Vec::new(),
            sides: Vec::new(),
            digests: Vec::new(),
            unreadable: Vec::new(),
        };
        for (sample, outcome) in samples.into_iter().zip(outcomes) {
            match outcome {
                Ok(Decoded { side, digest, picture }) => {
                    shared.samples.push(sample);
                    shared.pictures.push(picture);
                    shared.sides.push(side);
                    shared.digests.push(digest);
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

fn digest(picture: &RgbImage) -> [u8; 32] {
    let size = [picture.width(), picture.height()].map(u32::to_le_bytes);
    Sha256::new().chain_update(size.concat()).chain_update(picture.as_raw()).finalize().into()
}

/// Takes `bytes` of what is free; false if there is less.
fn reserve(free: &AtomicU64, bytes: u64) -> bool {
    free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
}
