use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use image::RgbImage;
use image_file::{Decoding, Facts, decode_bytes, read};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{Error, Hash, Thumbnail};

/// What is known of one file.
#[derive(Clone, Debug)]
pub struct Examined {
    /// SHA-256 of the file; `None` where it could not be read from the disk.
    pub sha256: Option<[u8; 32]>,
    /// What its header says; `None` for a format that is not read.
    pub facts: Option<Facts>,
    /// The image, or why there is none, in words.
    pub reading: Reading,
}

/// What came of decoding a file.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It is an image.
    Image(Box<Fingerprint>),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// What an image is recognised by.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// SHA-256 of its size and pixels.
    pub pixels: [u8; 32],
    /// The perceptual hash.
    pub hash: Hash,
    /// The thumbnail.
    pub thumbnail: Thumbnail,
}

impl Examined {
    /// The fingerprint of a readable image.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        match &self.reading {
            Reading::Image(fingerprint) => Some(fingerprint),
            Reading::Unreadable(_) => None,
        }
    }
}

impl Fingerprint {
    /// Takes the fingerprint of an image.
    ///
    /// # Errors
    /// [`Error::Resize`] for an image without pixels.
    pub fn of(image: &RgbImage) -> Result<Fingerprint, Error> {
        let (width, height) = image.dimensions();
        let size = [width, height].map(u32::to_le_bytes).concat();
        let pixels = Sha256::new().chain_update(size).chain_update(image.as_raw()).finalize().into();
        let thumbnail = Thumbnail::of(image)?;
        Ok(Fingerprint { width, height, pixels, hash: Hash::of(&thumbnail), thumbnail })
    }
}

/// Reads and decodes every file once, as a run does, on up to `threads` threads. `progress` is called with the number of files
/// done, from several threads; `Break` stops the work.
///
/// # Errors
/// [`Error::Interrupted`] if `progress` returns `Break`; [`Error::Threads`]. A file that cannot be read is no error.
pub fn examine(
    paths: &[PathBuf],
    threads: usize,
    progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
) -> Result<Vec<Examined>, Error> {
    let done = AtomicU64::new(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.min(paths.len()).max(1)).build();
    let pool = pool.map_err(|error| Error::Threads(error.to_string()))?;
    let outcomes = paths.par_iter().map(|path| {
        let examined = one(path);
        match progress(done.fetch_add(1, Ordering::Relaxed) + 1) {
            ControlFlow::Continue(()) => Ok(examined),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    });
    pool.install(|| outcomes.collect())
}

fn one(path: &Path) -> Examined {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return Examined { sha256: None, facts: None, reading: Reading::Unreadable(error.to_string()) };
        }
    };
    let reading = match decode_bytes(&bytes, Decoding::default()) {
        Ok(decoded) => match Fingerprint::of(&decoded.image) {
            Ok(fingerprint) => Reading::Image(Box::new(fingerprint)),
            Err(error) => Reading::Unreadable(error.to_string()),
        },
        Err(error) => Reading::Unreadable(error.to_string()),
    };
    Examined { sha256: Some(Sha256::digest(&bytes).into()), facts: Facts::of(&bytes), reading }
}
