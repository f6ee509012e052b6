//! Labelled images in a folder or a list, turned into batches of pixels that a network can read.
//!
//! The way of an image: [`DataSet::open`] lists the files and splits them, [`Store::decode`] reads every file once
//! and says which are unreadable, a [`Transform`] resizes, crops, augments and normalises, and [`Batches`] delivers
//! `[N, C, size, size]` blocks of `f32` in a given order. What comes out is a function of the files, the seed and the
//! epoch alone: neither the number of workers nor the file system's order matters.
//!
//! Modules, in reading order:
//!
//! - `dataset`: from a folder or list to splits; `sample`: one image of them; `folder`, `list`: the two ways to name images;
//!   `listing`: what both give; `selection`, `exclude`, `group`: which of them, and what belongs together; `split`:
//!   stratified choice
//! - `split_name`, `class_name`: words for splits and classes; `paths`: how paths are compared; `left_out`, `remark`: what is
//!   worth knowing; `wide`: what is found of 16 bits (one file is decoded by the crate `image-file`)
//! - `augment`: the random changes there are, as plain data; `policy`: what RandAugment and its like draw;
//!   `blur`, `interval`: what `augment` is made of; `operations`: changes of 8-bit pixels; `erasing`: blotting out
//! - `transform`: geometry, augmentation, normalisation; `framing`: what is shown of an image; `shown`: that, to be looked at; `geometry`: where; `resample`: antialiased resizing
//! - `layout`: how numbers lie in the memory that a caller gives; `store`: pixels kept in memory; `batches`: the iterator; `workers`: threads that keep the order
//! - `files`: batches from files that are read once, for a model that is there already; `labelled`: one split of them
//!   with its classes
//! - `thumbnail`: small PNGs for reports; `random`: the seeded streams; `error`: what can go wrong

mod augment;
mod batches;
mod blur;
mod class_name;
mod dataset;
mod erasing;
mod error;
mod exclude;
mod files;
mod folder;
mod folds;
mod framing;
mod geometry;
mod group;
mod heat_map;
mod interval;
mod keep;
mod labelled;
mod layout;
mod left_out;
mod list;
mod listing;
mod operations;
mod outcomes;
mod paths;
mod policy;
mod random;
mod remark;
mod resample;
mod sample;
mod selection;
mod shown;
mod split;
mod split_name;
mod store;
mod thumbnail;
mod transform;
mod wide;
mod workers;

pub use augment::{
    Angle, Augment, ColorJitter, Erasing, ErasingFill, HueShift, Magnitude, Operations, Policy, RandAugment,
    ResizedCrop,
};
pub use batches::{BatchOrder, Batches, PixelBatch};
pub use blur::{Blur, BlurKernel, NoKernel};
pub use dataset::{DataSet, Origin, Split};
pub use error::Error;
pub use files::{FileBatch, FileBatches, Files};
pub use folds::folds;
pub use group::{GroupBy, Pattern};
pub use heat_map::heat_map_png;
pub use interval::{AreaShares, BlurSigma, NoInterval, SideRatios};
pub use keep::Keep;
pub use labelled::Labelled;
pub use layout::{Allocate, Layout};
pub use left_out::{LeftOut, Reason, left_out_sentence};
pub use list::is_list;
pub use operations::Sampling;
pub use outcomes::Outcomes;
pub use random::{balanced, shuffled};
pub use ranged::Probability;
pub use remark::Remark;
pub use sample::Sample;
pub use selection::Selection;
pub use shown::Shown;
pub use split::{needed_to_hold_out, take_per_class};
pub use split_name::SplitName;
pub use store::{Store, Unreadable};
pub use thumbnail::thumbnail_png;
pub use transform::Transform;
pub use wide::WideImages;
