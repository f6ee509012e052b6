use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::left_out::LeftOut;
use crate::{Remark, SplitName};

/// Labelled images as a folder or a list names them, before classes are chosen and splits are made.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// What paths are relative to, for messages.
    pub(crate) root: PathBuf,
    /// The images.
    pub(crate) items: Vec<Item>,
    /// Images that belong together, by their paths below the data folder, as `data.exclude` says.
    pub(crate) together: Vec<Vec<String>>,
    /// Class folders of the training split without images.
    pub(crate) empty: Vec<EmptyClass>,
    /// What is not used.
    pub(crate) left_out: Vec<LeftOut>,
    /// What else is worth knowing.
    pub(crate) remarks: Vec<Remark>,
}

/// One image with what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The file.
    pub(crate) path: PathBuf,
    /// The name of its class.
    pub(crate) class: String,
    /// The split that the data gives it; `None` where the data has none.
    pub(crate) split: Option<SplitName>,
    /// What it belongs together with, by a column of the list.
    pub(crate) group: Option<String>,
    /// See [`crate::Sample::id`].
    pub(crate) id: u64,
    /// Its path below the class folder, or as the list writes it, with `/`: what group patterns are matched with first.
    pub(crate) inner: String,
    /// Its path below the data folder, with `/`.
    pub(crate) below_root: String,
    /// Its line in the list, from 1.
    pub(crate) line: Option<u64>,
}

/// A class folder without images.
#[derive(Clone, Debug)]
pub(crate) struct EmptyClass {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The class.
    pub(crate) class: String,
    /// What it holds instead, in words.
    pub(crate) holds: String,
}

/// The first 8 bytes of the SHA-256 of a path below the folder that decides about it.
pub(crate) fn id(below: &[u8]) -> u64 {
    Sha256::digest(below).iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}
