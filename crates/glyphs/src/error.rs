//! What can go wrong, in words a user can act on.

use std::path::PathBuf;

/// Why letters could not be drawn or a folder could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An embedded font is damaged: the program itself was built wrongly.
    #[error("embedded font {face}: {reason}; rebuild the program")]
    Font {
        /// Full name of the face, or its place in the list when it has no readable name.
        face: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A font file cannot be read.
    #[error("{}: {reason}; name a TrueType or OpenType font", path.display())]
    FontFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A face was asked for a letter that it does not have.
    #[error("{face} has no outline for {letter:?}; use a letter that it covers")]
    NoOutline {
        /// Full name of the face.
        face: String,
        /// The letter.
        letter: char,
    },
    /// A [`crate::Spec`] asks for something that cannot be drawn.
    #[error("{field} is {value}: {rule}")]
    Spec {
        /// Name of the field.
        field: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// The place where the folder should go is taken by something else.
    #[error("{}: {reason}; nothing was changed, so delete it or name another folder", dir.display())]
    Occupied {
        /// The folder asked for.
        dir: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// A manifest is there but is not one that this program wrote.
    #[error("{}: not a manifest of drawn letters: {source}", path.display())]
    Manifest {
        /// The manifest file.
        path: PathBuf,
        /// Where reading it stopped.
        source: serde_json::Error,
    },
    /// An image could not be encoded.
    #[error("{}: cannot encode the image: {source}", path.display())]
    Encode {
        /// The file it was meant for.
        path: PathBuf,
        /// The encoder's own words.
        source: png::EncodingError,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] files::Error),
}
