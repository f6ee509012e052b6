use thiserror::Error;

/// Why a file gives no image.
///
/// When data is missing: Pillow refuses a file that ends before all rows are decoded (with several scans, before the end
/// marker), and so does this: [`Error::Truncated`]. Where a marker, be it the end marker, comes before the data is whole,
/// libjpeg warns, fills the rest with gray, and Pillow keeps that; here it is [`Error::Missing`], as a channel without a
/// scan is and a file that goes over into zeros up to its end; a code that stands in no table is [`Error::Damaged`], as is data
/// that is left between the last pixel and the next marker, which Pillow keeps, too: the decoder lost its place before. What
/// follows that marker is not looked at, so that a trailer spoils nothing, and the end marker may be missing.
///
/// libjpeg's other warnings (unknown revisions, bytes between segments, progressive scans in an order of their own) say
/// nothing against the pixels and are passed over.
///
/// What cannot be seen: a change of the data that is a valid encoding of other pixels; in arithmetic coding a cut before
/// a marker, as that code may end in zeros which are left out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file ends before the image does.
    #[error("the file is truncated")]
    Truncated,
    /// A marker stands where the image should go on, or the last scans are not there.
    #[error("a part of the image is missing, though the file has an end; copy it again from where it came")]
    Missing,
    /// Compressed data that is none. libjpeg's words.
    #[error("{0}; copy it again from where it came")]
    Damaged(String),
    /// 12 bits a channel (or 16).
    #[error("a JPEG of {0} bits a channel, of which only those of 8 are read; save it as PNG")]
    Precision(i32),
    /// Lossless or hierarchical. The marker's second byte, `0xC3` for instance.
    #[error("a {} JPEG, which is not read; save it as PNG or as a usual JPEG", process(*.0))]
    Process(i32),
    /// Neither gray, colour nor CMYK.
    #[error("a JPEG of {0} channels; only 1, 3 or 4 make an image")]
    Channels(i32),
    /// Sampling factors of which one is no multiple of the other.
    #[error(
        "a JPEG whose colour is sampled by a fraction, which is not read; save it as PNG or as a usual JPEG"
    )]
    Sampling,
    /// Width or height are 0; the latter may come behind the first scan (marker DNL).
    #[error("a JPEG that does not say its height at the beginning, which is not read; save it as PNG")]
    Height,
    /// More memory than allowed.
    #[error("it takes more memory than allowed to decode")]
    Memory,
    /// More work than any image is worth.
    #[error("more than {0} scans over the image: no usual file has that many")]
    Scans(i32),
    /// Everything else that libjpeg refuses, in its words.
    #[error("not a JPEG that can be read ({0}); copy it again from where it came")]
    Refused(String),
}

fn process(marker: i32) -> &'static str {
    match marker {
        0xC3 | 0xCB => "lossless",
        0xC5..=0xC7 | 0xCD..=0xCF => "hierarchical",
        _ => "strange",
    }
}
