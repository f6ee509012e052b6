use std::fmt;
use std::path::PathBuf;

use crate::SplitName;

/// A remark about a data set, which is not an error. Its sentence has no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// The data lies in a folder of the data folder.
    Descended {
        /// The folder that is read.
        into: PathBuf,
    },
    /// Labels are read from a list that lies in the folder.
    FromList {
        /// The list.
        list: PathBuf,
    },
    /// A split has no image of some training classes.
    ClassesMissing {
        /// The split.
        split: SplitName,
        /// The training classes without an image in it.
        classes: Vec<String>,
    },
    /// A class of a split differs from the training class in capitals alone, and counts as it.
    CapitalsDiffer {
        /// As the split has it.
        written: String,
        /// The training class.
        class: String,
    },
    /// Two training classes differ in capitals alone.
    NearlyTheSame {
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// Images of classes that are not chosen.
    NotChosen {
        /// The other classes.
        classes: Vec<String>,
        /// Their images.
        images: usize,
    },
    /// Images that `data.exclude` names are left out.
    Excluded {
        /// How many.
        images: usize,
        /// The file that names them.
        by: PathBuf,
    },
    /// Images that `data.exclude` gives another label.
    Relabelled {
        /// How many.
        images: usize,
        /// The file that names them.
        by: PathBuf,
    },
    /// An entry of `data.exclude` changes nothing.
    ExcludesNothing {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// Why, in a few words.
        because: String,
    },
    /// Images of one group are on both sides of a split that was given.
    GroupsOnBothSides {
        /// Number of such groups.
        groups: usize,
        /// One of them.
        example: String,
        /// Images of these groups that are trained on.
        training: usize,
        /// Images of these groups that are validated or tested on.
        others: usize,
    },
    /// A list names images more than once.
    NamedTwice {
        /// How many rows more.
        rows: usize,
        /// The line of the first such row, from 1.
        line: u64,
    },
    /// Validation images were to be split off, and some classes have too few images for that.
    NothingHeldOut {
        /// These classes, each with its number of images.
        classes: Vec<(String, usize)>,
        /// Images a class needs for one to be held out.
        needed: usize,
        /// Whether images belong to groups, which are held out whole.
        grouped: bool,
    },
    /// A list has a column of groups, and some of its rows are of none.
    WithoutGroup {
        /// How many rows.
        rows: usize,
        /// The line of the first, from 1.
        line: u64,
    },
}

/// Names this many of a longer list.
const NAMED: usize = 8;

/// Joins names with commas; of a long list the first few and how many more.
pub(crate) fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The same in quotation marks, in which characters that cannot be seen are written out.
pub(crate) fn quoted(all: &[String]) -> String {
    names(&all.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>())
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descended { into } => {
                write!(f, "the data lies in {}", into.display())
            }
            Self::FromList { list } => write!(f, "labels are read from {}", list.display()),
            Self::ClassesMissing { split, classes } => {
                write!(f, "the {} split has no image of {}", split.name(), names(classes))
            }
            Self::CapitalsDiffer { written, class } => {
                write!(f, "class {written:?} counts as the training class {class:?}")
            }
            Self::NearlyTheSame { one, other } => write!(
                f,
                "classes {one:?} and {other:?} differ in capitals alone and are two classes; if they are one, join them: data.merge = {{ {other:?} = [{one:?}, {other:?}] }}"
            ),
            Self::NotChosen { classes, images } => write!(
                f,
                "{images} image(s) of {} other class(es) are not used: {}",
                classes.len(),
                names(classes)
            ),
            Self::Excluded { images, by } => write!(f, "{} leaves out {images} image(s)", by.display()),
            Self::Relabelled { images, by } => {
                write!(f, "{} gives {images} image(s) another label", by.display())
            }
            Self::ExcludesNothing { file, line, because } => {
                write!(f, "{}:{line}: changes nothing: {because}", file.display())
            }
            Self::GroupsOnBothSides { groups, example, training, others } => write!(
                f,
                "{groups} group(s) are on both sides of the given split ({training} images to train on, {others} to validate or test on; {example:?} for one): measurements will look better than they are"
            ),
            Self::WithoutGroup { rows, line } => {
                write!(
                    f,
                    "{rows} row(s) have no group (first in line {line}) and are each held for one of their own"
                )
            }
            Self::NamedTwice { rows, line } => {
                write!(
                    f,
                    "{rows} row(s) name an image that an earlier row names too (first in line {line}); each counts once"
                )
            }
            Self::NothingHeldOut { classes, needed, grouped } => {
                let each: Vec<String> =
                    classes.iter().map(|(class, images)| format!("{class} ({images})")).collect();
                let why = if *grouped {
                    "groups are held out whole, and none could be without taking all of a class".to_owned()
                } else {
                    format!("a class needs {needed} images for one to be held out")
                };
                write!(f, "no validation image of {}: {why}", names(&each))
            }
        }
    }
}
