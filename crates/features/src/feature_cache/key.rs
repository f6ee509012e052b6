//! What decides about kept features: whose they are.

use sha2::{Digest, Sha256};

/// What decides about the features of a picture beside the picture.
#[derive(Clone)]
pub struct Key(Sha256);

/// What a file holds: the features of these pictures, each told by a digest, under that key.
#[derive(Clone)]
pub struct List {
    pub(super) key: Key,
    pub(super) pictures: Vec<[u8; 32]>,
}

impl Key {
    /// Of these parts, each of which counts where it stands.
    #[must_use]
    pub fn of<T: AsRef<str>>(parts: &[T]) -> Self {
        parts.iter().fold(Self(Sha256::new()), |key, part| key.and(part.as_ref().as_bytes()))
    }

    /// With one more thing that decides.
    #[must_use]
    pub fn and(&self, bytes: &[u8]) -> Self {
        Self(self.0.clone().chain_update((bytes.len() as u64).to_le_bytes()).chain_update(bytes))
    }

    /// The digest of all its parts.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.0.clone().finalize().into()
    }

    /// The same as 64 hex digits.
    pub fn name(&self) -> String {
        hex::encode(self.digest())
    }
}

impl List {
    /// Of these pictures in this order.
    #[must_use]
    pub fn new(key: Key, pictures: Vec<[u8; 32]>) -> Self {
        Self { key, pictures }
    }

    /// As the name of a file: the key's, and that of the pictures.
    pub fn name(&self) -> String {
        let whole = self.pictures.iter().fold(self.key.clone(), |key, picture| key.and(picture));
        format!("{}-{}", self.key.name(), whole.name())
    }
}
