use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What can go wrong between a folder and a batch.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder is not there.
    #[error("{} does not exist; give the folder that holds one sub-folder of pictures per class", .0.display())]
    Missing(PathBuf),
    /// A file stands where a folder is needed.
    #[error("{} is a file; give the folder that holds one sub-folder of pictures per class", .0.display())]
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
    #[error("{} has no class folders; put the pictures of each class into a sub-folder named after the class", .0.display())]
    NoClasses(PathBuf),
    /// `val/`, `validation/` or `test/` without `train/`.
    #[error("{} has {found}/ but no train/; add a train/ folder with one sub-folder per class", root.display())]
    NoTraining {
        /// The data folder.
        root: PathBuf,
        /// The split that is there.
        found: &'static str,
    },
    /// Both `val/` and `validation/` are there.
    #[error("{} has both val/ and validation/; keep one of them", .0.display())]
    TwoValidations(PathBuf),
    /// A class folder of the training split holds no picture.
    #[error("{} holds no pictures ({}); add some or remove the folder", .0.display(), crate::folder::EXTENSIONS.join(" "))]
    EmptyClass(PathBuf),
    /// A validation or test class that the training split lacks.
    #[error("class `{class}` of {} is not among the training classes; add it to the training folder or remove it", folder.display())]
    UnknownClass {
        /// The class.
        class: String,
        /// The split's folder in which it stands.
        folder: PathBuf,
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
    /// A subset asks for more pictures than a class has.
    #[error("{wanted} pictures per class are asked for, but the class of {} has {available}", example.display())]
    TooFew {
        /// Pictures asked for.
        wanted: u32,
        /// Pictures there are.
        available: usize,
        /// The label of the class.
        label: usize,
        /// One of its pictures.
        example: PathBuf,
    },
    /// A preparation or augmentation that makes no sense.
    #[error("{0}")]
    Transform(String),
    /// A picture that was readable before is not any more, or was never.
    #[error("cannot read {}: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DecodeError,
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

/// Why a file gives no picture. The message names no path: whoever knows it adds it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A folder, pipe or device.
    #[error("not a regular file")]
    NotAFile,
    /// A file of zero bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are of no known format.
    #[error("not an image in a known format ({})", crate::format::NAMES)]
    UnknownFormat,
    /// A file of a known kind that is not read.
    #[error("{what}, {advice}")]
    Foreign {
        /// Its kind, with an article.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// A format that is read, but not this kind of it.
    #[error(
        "a {format} {what}, which this program does not read; save it as PNG or JPEG with 8 bits a sample"
    )]
    Unsupported {
        /// The format.
        format: &'static str,
        /// What is special about it, to be read behind the format's name.
        what: String,
    },
    /// Content that contradicts itself.
    #[error("the {format} data is damaged")]
    Damaged {
        /// The format.
        format: &'static str,
    },
    /// An image that would take more memory to decode than is allowed.
    #[error("it takes more than {} MiB to decode", limit >> 20)]
    TooMuchMemory {
        /// The most bytes allowed.
        limit: u64,
    },
    /// More pixels than anyone would train on: a decompression bomb.
    #[error("{width}x{height} pixels are more than the limit of {} million", limit / 1_000_000)]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The most pixels allowed.
        limit: u64,
    },
    /// The file ends too early.
    #[error("the file is truncated")]
    Truncated,
    /// What of a JPEG is missing, damaged or of a kind that is not read.
    #[error(transparent)]
    Jpeg(libjpeg::Error),
}
