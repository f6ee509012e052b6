use std::path::{Path, PathBuf};

use crate::dataset::{TEST, TRAIN, VALIDATION, top_folders};
use crate::folder::{self, Folder};
use crate::{Error, Sample};

/// The pictures of one split with their classes, for measuring a model that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The folder that holds the class folders.
    pub folder: PathBuf,
    /// Which split it is.
    pub split: SplitName,
    /// Names of the classes, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// The pictures, class by class.
    pub samples: Vec<Sample>,
    /// Pictures that were left out because of their extension or place, and links that lead in a circle. Sorted.
    pub ignored: Vec<PathBuf>,
}

/// A split of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitName {
    /// `test/`.
    Test,
    /// `val/` or `validation/`.
    Validation,
    /// `train/`.
    Train,
    /// The data folder has no splits: all of it.
    Whole,
}

impl SplitName {
    /// The word for it: `test`, `validation`, `train` or `all`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Train => "train",
            Self::Whole => "all",
        }
    }
}

impl Labelled {
    /// Lists the pictures of a split below `root`, by the rules of TorchVision's `ImageFolder`. With `None` it is the test
    /// split if there is one, else the validation split; never silently the training split. A `root` without split
    /// folders is itself the folder of the classes. (A folder is a split if it has one of their names and sub-folders.)
    ///
    /// # Errors
    /// A folder that is missing, unreadable or without classes, or a split that is not there.
    pub fn open(root: &Path, wanted: Option<SplitName>) -> Result<Labelled, Error> {
        let (folder, split) = choose(root, wanted)?;
        let Folder { classes, samples, ignored } = folder::list(&folder, &[])?;
        Ok(Labelled { folder, split, classes, samples, ignored })
    }
}

fn choose(root: &Path, wanted: Option<SplitName>) -> Result<(PathBuf, SplitName), Error> {
    let mut splits = Vec::new();
    for path in top_folders(root)? {
        let split = match path.file_name().and_then(|name| name.to_str()) {
            Some(TEST) => SplitName::Test,
            Some(TRAIN) => SplitName::Train,
            Some(name) if VALIDATION.contains(&name) => SplitName::Validation,
            _ => continue,
        };
        if !folder::sub_folders(&path)?.is_empty() {
            splits.push((path, split));
        }
    }
    let find = |wanted: SplitName| splits.iter().find(|(_, split)| *split == wanted).cloned();
    let found = match wanted {
        _ if splits.is_empty() && matches!(wanted, None | Some(SplitName::Whole)) => {
            Some((root.to_owned(), SplitName::Whole))
        }
        Some(wanted) => find(wanted),
        None => find(SplitName::Test).or_else(|| find(SplitName::Validation)),
    };
    found.ok_or_else(|| Error::NoSplit {
        root: root.to_owned(),
        wanted: wanted.map_or("test or validation", SplitName::name),
        found: splits.iter().map(|(_, split)| split.name()).collect(),
    })
}
