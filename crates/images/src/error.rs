use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What can go wrong between a folder and a batch.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder is not there.
    #[error("{} does not exist; give the folder that holds one sub-folder of images per class", .0.display())]
    Missing(PathBuf),
    /// A file stands where a folder is needed.
    #[error("{} is a file; give the folder that holds one sub-folder of images per class", .0.display())]
    NotAFolder(PathBuf),
    /// A folder cannot be listed.
    #[error("cannot list {}: {source}; check its permissions", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A data folder without sub-folders.
    #[error("{} has no class folders; put the images of each class into a sub-folder named after the class, or name them in a list (data.list)", .0.display())]
    NoClasses(PathBuf),
    /// Splits of which none is the training split.
    #[error("{} has a {found} split but no training split; add a train/ folder with one sub-folder per class (in a list, rows whose split is train)", root.display())]
    NoTraining {
        /// The data folder or list.
        root: PathBuf,
        /// The split that is there.
        found: String,
    },
    /// Two folders are the same split by their names.
    #[error("{} and {} are both the {split} split by their names; rename or remove one", one.display(), other.display())]
    TwoSplits {
        /// The split.
        split: &'static str,
        /// The first folder.
        one: PathBuf,
        /// The second folder.
        other: PathBuf,
    },
    /// Two lists of labels lie in one folder.
    #[error("{} and {} both name labels; remove one, or name the other as data.list", one.display(), other.display())]
    TwoLists {
        /// The first list.
        one: PathBuf,
        /// The second list.
        other: PathBuf,
    },
    /// Folders that stand where class folders are expected, and hold the same sub-folders and no images.
    #[error("{} are no classes: in {} each holds the folders {} and no image of its own; name the folder one level deeper, or, if they are the classes, name them in data.classes", crate::remark::names(folders), root.display(), crate::remark::names(shared))]
    Levels {
        /// The folder that holds them.
        root: PathBuf,
        /// Their names.
        folders: Vec<String>,
        /// Sub-folders that all of them have.
        shared: Vec<String>,
    },
    /// Each class folder holds the splits of its class.
    #[error("in {} the splits ({}) lie within the class folders; put the classes into the splits ({}), or name images, labels and splits in a list (data.list)", root.display(), splits.join(", "), example_of(example, splits))]
    SplitsBelowClasses {
        /// The folder that holds the class folders.
        root: PathBuf,
        /// One of the class folders.
        example: PathBuf,
        /// The splits in each.
        splits: Vec<String>,
    },
    /// The data lies in one of several folders that hold images.
    #[error("the images seem to lie in {}, but {} holds images too; name the folder that is meant, or, if both are classes, name them in data.classes", folder.display(), other.display())]
    DataBelow {
        /// The folder that looks like the data.
        folder: PathBuf,
        /// Another folder with images.
        other: PathBuf,
    },
    /// A class folder of the training split holds no image.
    #[error("{} holds no images: {holds}; add some or remove the folder", folder.display())]
    EmptyClass {
        /// The folder.
        folder: PathBuf,
        /// What it holds instead, in words.
        holds: String,
    },
    /// Nothing is left to learn from or to measure with.
    #[error("{} names no images, or none of the chosen classes", .0.display())]
    NoImages(PathBuf),
    /// A validation or test class that the training split lacks.
    #[error("{}{}: class {class:?} of the {split} split is not among the training classes ({}); add images of it to the training split, or choose classes (data.classes)", root.display(), line.map(|line| format!(":{line}")).unwrap_or_default(), crate::remark::quoted(known))]
    UnknownClass {
        /// The class.
        class: String,
        /// The data folder or list.
        root: PathBuf,
        /// Line of the list, from 1.
        line: Option<u64>,
        /// The split in which it stands.
        split: &'static str,
        /// The training classes.
        known: Vec<String>,
    },
    /// A class that a key names and the data does not have.
    #[error("the data has no class {class:?}; it has {}", crate::remark::quoted(known))]
    NoSuchClass {
        /// The key.
        key: &'static str,
        /// The class.
        class: String,
        /// The classes there are.
        known: Vec<String>,
    },
    /// A class that is joined to two others.
    #[error("class {class:?} is joined to {one:?} and to {other:?}; it can only be one of them")]
    MergedTwice {
        /// The class.
        class: String,
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// Groups by a column, of a folder.
    #[error("a folder has no column {column:?}; name a list (data.list), or write {{ pattern = \"...\" }}")]
    NoColumns {
        /// The column.
        column: String,
    },
    /// Paths that a pattern of groups does not match.
    #[error(
        "the pattern {pattern:?} does not match {count} path(s), such as {examples}; each image needs a group"
    )]
    NoGroup {
        /// The pattern.
        pattern: String,
        /// Number of paths.
        count: usize,
        /// Three of them at most, with commas.
        examples: String,
    },
    /// A list that is none.
    #[error("{}: {message}", list.display())]
    ListText {
        /// The list.
        list: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A header that does not say which column is what.
    #[error("{}:1: {message}", list.display())]
    Columns {
        /// The list.
        list: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A row of a list that cannot be used.
    #[error("{}:{line}: {message}", list.display())]
    ListRow {
        /// The list.
        list: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A file of images to leave out that cannot be used.
    #[error("{}{}: {message}", file.display(), if *line == 0 { String::new() } else { format!(":{line}:{column}") })]
    Exclude {
        /// The file.
        file: PathBuf,
        /// The line, from 1; 0 for the whole.
        line: usize,
        /// The column, from 1; 0 for the whole.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A class folder whose name is not Unicode.
    #[error("the folder name {} is not valid Unicode; rename it, because it becomes the class's name", .0.display())]
    ClassName(PathBuf),
    /// A validation fraction that is not in `0..1`.
    #[error("the validation fraction is {0}; it must be at least 0 and less than 1")]
    Fraction(f64),
    /// A split that the data folder does not have.
    #[error("{} has no {wanted} split; it has {}", root.display(), if found.is_empty() { "no split folders: leave out the split to take all of it".to_owned() } else { format!("{}: name the one to measure on", found.join(" and ")) })]
    NoSplit {
        /// The data folder.
        root: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// The splits it has.
        found: Vec<&'static str>,
    },
    /// A subset asks for more images than a class has.
    #[error("{wanted} images per class are asked for, but the class of {} has {available}", example.display())]
    TooFew {
        /// Images asked for.
        wanted: u32,
        /// Images there are.
        available: usize,
        /// The label of the class.
        label: usize,
        /// One of its images.
        example: PathBuf,
    },
    /// A preparation or augmentation that makes no sense.
    #[error("{0}")]
    Transform(String),
    /// An image that was readable before is not any more, or was never.
    #[error("cannot read {}: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: image_file::Error,
    },
    /// An order that names a sample which does not exist.
    #[error("sample {index} was asked for, but there are {len}")]
    NoSuchSample {
        /// The index asked for.
        index: u32,
        /// The number of samples.
        len: usize,
    },
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A worker thread failed in a way it should not.
    #[error("a worker thread failed: {0}; this is a defect of this program, please report it")]
    Worker(String),
}

/// `train/cat` for the class folder `cat`.
fn example_of(class: &Path, splits: &[String]) -> String {
    let class = class.file_name().unwrap_or_default().to_string_lossy();
    format!("{}/{class}", splits.first().map_or("train", String::as_str))
}
