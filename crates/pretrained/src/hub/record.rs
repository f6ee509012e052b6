use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{is_commit, is_hex};
use crate::{Error, InputSpec};

/// What the hub says of a file: a small TOML file, `FILE.toml`, next to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HubRecord {
    /// The commit that the revision named when it was asked for, 40 hex digits.
    pub commit: String,
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: String,
    /// Length of the file, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The licence in the card of the model, in the hub's words; `None` where none is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How images are prepared for the weights, where files of timm or transformers next to them say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSpec>,
}

impl HubRecord {
    /// Reads the text of a record; `from` is its path or address.
    ///
    /// # Errors
    /// [`Error::Damaged`] for another text, or commits and digests that are none.
    pub(crate) fn parse(text: &str, from: &Path) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { path: from.to_path_buf(), reason };
        let record: Self = toml::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if !is_commit(&record.commit) || !is_hex(&record.sha256, 64) {
            return Err(damaged("it must have a commit of 40 and a sha256 of 64 hex digits".to_owned()));
        }
        Ok(record)
    }

    /// The text that [`Self::parse`] reads.
    #[cfg(feature = "fetch")]
    pub(crate) fn text(&self) -> String {
        // Texts and a number: nothing that TOML could not hold.
        toml::to_string(self).unwrap_or_default()
    }
}
