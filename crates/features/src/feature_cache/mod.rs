//! Outputs of frozen stages, cached on disk from one run to the next.
//!
//! A file has the features of one view of one list of images. Its name has two digests: one of everything that decides about
//! the features of an image (the network and its weights, the cut, what is computed with, the preparation, the view), and one
//! of that and all the images. So it is never stale, runs that share a frozen prefix share it, and another list takes from it
//! the rows of the images that both have: a folder with one image more is not computed again. Next to it lies its
//! description: name, images, shape, type and SHA-256; a file that does not fit it, torn or not ours, is removed and computed
//! again.
//!
//! All files together stay within a limit: room is made before anything is written (`quota`).
//!
//! Modules, in reading order: `key`: names; `form`, `about`: shapes and descriptions; `entry`: the two files; `quota`: the
//! limit; `names`, `draft`: what is being written; `cache`: finding and writing.

mod about;
mod cache;
mod draft;
mod entry;
mod form;
mod key;
mod names;
mod quota;
#[cfg(test)]
mod tests;

pub use cache::{Cached, FeatureCache, Found};
pub use draft::Draft;
pub use form::Form;
pub use key::{Key, List};
