//! What is wrong with a data set: broken files, copies, wrong labels, what leaks from one split into another.
//!
//! Modules, in reading order: `subject`: the images that are judged, with their features; `head_features`: how
//! these come to be; `neighbours`: the nearest by features;
//! `files`: what the files themselves show; `pairs`: pairs of copies as records; `joint`: how many labels are wrong, and which
//! (confident learning); `labels`: probabilities for it; `leaks`: copies across splits and what they are worth; `outliers`;
//! `thumbnails`; `perform`: all of it; `fix`: the list of corrections that `data.exclude` reads.
//!
//! Copies come first: images that are copies of one another are held out together, or a copy of a wrong label would confirm it.
//! Nothing is moved or deleted, and of test images no label is looked at unless it is asked for.

mod error;
mod files;
mod fix;
mod head_features;
mod joint;
mod labels;
mod leaks;
mod neighbours;
mod outliers;
mod pairs;
mod perform;
mod subject;
mod thumbnails;

pub use error::Error;
pub use fix::{Fix, fix};
pub use head_features::Frozen;
pub use joint::{confident_joint, flagged};
pub use perform::perform;
pub use subject::{AuditedImage, Features, Part, Subject, examine};
