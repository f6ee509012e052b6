//! Which images are copies of one another, to the byte, to the pixel, or edited: recompressed, resized, cropped, mirrored,
//! turned, recoloured, framed.
//!
//! An image becomes a [`Fingerprint`]: a digest of its pixels, a hash, a thumbnail. Each image is compared with those nearest to
//! it, by hash and, where the caller has features of a network, by these. Two thumbnails are laid over one another as well as
//! they can be ([`align`]); how alike they then have to be is measured on the images themselves, with pairs that are no copies.
//!
//! Modules, in reading order: `error`; `thumbnail`, `hash`: what is kept of an image; `examine`: a file to all that; `align`: one
//! image over another; `neighbours`: which are compared; `bounds`: how alike copies are here; `groups`; `find`: the answer.
//!
//! No tensors and no network here: what needs these is in the crate `audit`.

mod align;
mod bounds;
mod error;
mod examine;
mod find;
mod groups;
mod hash;
mod neighbours;
mod thumbnail;

pub use align::{Alignment, align};
pub use bounds::Bounds;
pub use error::Error;
pub use examine::{Examined, Fingerprint, Reading, examine};
pub use find::{Copies, Kind, Pair, find};
pub use groups::groups;
pub use hash::Hash;
pub use neighbours::{Neighbour, Neighbours, nearest_by_hash};
pub use thumbnail::Thumbnail;
