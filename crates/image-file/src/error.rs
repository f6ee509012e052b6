use std::io;

/// Why a file cannot be decoded. The message has no path: the caller adds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
