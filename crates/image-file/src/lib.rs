//! One image file to RGB pixels, as Pillow gives them: JPEG, PNG, GIF, BMP, TIFF, WebP, PNM.
//!
//! The content decides about the format, not the extension. Where a file is damaged, nothing is made up: it is refused, in
//! words for its owner.
//!
//! - [`decode`], [`decode_for`], [`decode_bytes`]: whole, or reduced to what is needed ([`Decoding`])
//! - [`Format`], [`foreign()`]: what a file is, by its first bytes; [`Facts`], [`dimensions()`]: what its header says
//!
//! Modules, in reading order: `decode` leads through the others; `decoding`: what for; `format`: which format; `jpeg`: JPEG,
//! whole or reduced; `codecs`: the other formats; `exif`: a TIFF directory; `orientation`: which way up; `facts`, `dimensions`: what a
//! header says; `limits`: the most that a file may ask for.

mod codecs;
mod decode;
mod decoding;
mod dimensions;
mod error;
mod exif;
mod facts;
mod format;
mod jpeg;
mod limits;
mod orientation;

pub use decode::{VERSION, decode, decode_bytes, decode_for, read};
pub use decoding::{Decoded, Decoding, Least};
pub use dimensions::dimensions;
pub use error::Error;
pub use facts::Facts;
pub use format::{Advice, Foreign, Format, foreign};
