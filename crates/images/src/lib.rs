//! A folder of pictures per class, turned into batches of pixels that a network can read.
//!
//! The way of a picture: [`DataSet::open`] lists the files and splits them, [`Store::decode`] reads every file once
//! and says which are unreadable, a [`Transform`] resizes, crops, augments and normalises, and [`Batches`] delivers
//! `[N, C, size, size]` blocks of `f32` in a given order. What comes out is a function of the files, the seed and the
//! epoch alone: neither the number of workers nor the file system's order matters.
//!
//! Modules, in reading order:
//!
//! - `dataset`: which folders are the splits; `folder`: TorchVision's ImageFolder rules; `split`: stratified choice
//! - `decode`: any image file to RGB as Pillow gives it; `decoding`: what for; `wide`: what is found of 16 bits; `format`: which format it is; `jpeg`: JPEG, whole or reduced;
//!   `codecs`: the other formats; `orientation`: which way up
//! - `augment`: the random changes there are, as plain data; `policy`: what RandAugment and its like draw;
//!   `blur`, `probability`: what `augment` is made of; `operations`: changes of 8-bit pixels; `erasing`: blotting out
//! - `transform`: geometry, augmentation, normalisation; `framing`: what is shown of a picture; `geometry`: where; `resample`: antialiased resizing
//! - `layout`: how numbers lie in the memory that a caller gives; `store`: pixels kept in memory; `batches`: the iterator; `workers`: threads that keep the order
//! - `files`: batches from files that are read once, for a model that is there already; `labelled`: one split of them
//!   with its classes
//! - `thumbnail`: small PNGs for reports; `random`: the seeded streams; `error`: what can go wrong

mod augment;
mod batches;
mod blur;
mod codecs;
mod dataset;
mod decode;
mod decoding;
mod erasing;
mod error;
mod files;
mod folder;
mod format;
mod framing;
mod geometry;
mod heat_map;
mod jpeg;
mod labelled;
mod layout;
mod operations;
mod orientation;
mod policy;
mod probability;
mod random;
mod resample;
mod split;
mod store;
mod thumbnail;
mod transform;
mod wide;
mod workers;

pub use augment::{Augment, ColorJitter, Erasing, ErasingFill, Policy, RandAugment, ResizedCrop, Sampling};
pub use batches::{Batches, PixelBatch};
pub use blur::{Blur, BlurKernel, BlurSigma, NoBlur};
pub use dataset::{DataSet, Sample, Split};
pub use decode::decode;
pub use error::{DecodeError, Error};
pub use files::{FileBatch, FileBatches, Files};
pub use heat_map::heat_map_png;
pub use labelled::{Labelled, SplitName};
pub use layout::{Allocate, Layout};
pub use probability::{NoProbability, Probability};
pub use random::{balanced, shuffled};
pub use split::take_per_class;
pub use store::{Keep, Store, Unreadable};
pub use thumbnail::thumbnail_png;
pub use transform::Transform;
pub use wide::WideImages;
