//! Names of cached features: digests of everything that decides about them.

use sha2::{Digest, Sha256};

/// Digest of what decides about the features of an image, the image aside.
#[derive(Clone, Debug)]
pub struct Key(Sha256);

/// The images in a file, in order, under a key.
#[derive(Clone, Debug)]
pub struct List {
    pub(super) key: Key,
    /// Digest of each image.
    pub(super) images: Vec<[u8; 32]>,
}

impl Key {
    /// Returns the key of these parts; their boundaries count.
    #[must_use]
    pub fn of<T: AsRef<str>>(parts: &[T]) -> Self {
        parts.iter().fold(Self(Sha256::new()), |key, part| key.and(part.as_ref().as_bytes()))
    }

    /// Returns the key with one part more.
    #[must_use]
    pub fn and(&self, bytes: &[u8]) -> Self {
        Self(self.0.clone().chain_update((bytes.len() as u64).to_le_bytes()).chain_update(bytes))
    }

    /// Returns the digest of all parts.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }

    /// Returns the digest as 64 hex digits.
    pub fn name(&self) -> String {
        hex::encode(self.digest())
    }
}

impl List {
    /// Lists these images, by their digests, in this order.
    #[must_use]
    pub fn new(key: Key, images: Vec<[u8; 32]>) -> Self {
        Self { key, images }
    }

    /// Returns the name of the file: the key's, and that of key and images.
    pub fn name(&self) -> String {
        let whole = self.images.iter().fold(self.key.clone(), |key, image| key.and(image));
        format!("{}-{}", self.key.name(), whole.name())
    }
}
