//! What a file's SHA-256 is expected to be.

use std::fmt;

/// What is known beforehand of a file's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// All 64 hex digits.
    Sha256(String),
    /// The first hex digits, as TorchVision puts them into file names.
    Sha256Prefix(String),
    /// All 64 hex digits of each file that will do; without any, none does.
    OneOf(Vec<String>),
    /// Nothing: every file passes.
    None,
}

impl Digest {
    /// Whether a file with this SHA-256 (64 hex digits, lower case) is the expected one.
    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        match self {
            Self::Sha256(whole) => whole.eq_ignore_ascii_case(sha256),
            Self::Sha256Prefix(prefix) => {
                sha256.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
            Self::OneOf(wholes) => wholes.iter().any(|whole| whole.eq_ignore_ascii_case(sha256)),
            Self::None => true,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(whole) => write!(f, "{whole}"),
            Self::Sha256Prefix(prefix) => write!(f, "{prefix}..."),
            Self::OneOf(wholes) if wholes.is_empty() => write!(f, "none that is known"),
            Self::OneOf(wholes) => write!(f, "{}", wholes.join(" or ")),
            Self::None => write!(f, "any"),
        }
    }
}
