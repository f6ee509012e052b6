//! Reports of finished runs and comparisons ([`records`]): self-contained HTML pages, SVG figures, text for the terminal
//! and TensorBoard event files.
//!
//! Only records go in. Nothing here trains, measures or reads a data set; whatever a page shows is in its record.
//!
//! - [`text`]: the same facts as aligned plain text
//! - [`html`]: the pages of a run, of a comparison, of a range test, of advice, of an audit
//! - [`plot`]: line charts as SVG
//! - [`events`]: TensorBoard event files
//! - `write`: pages as files
//! - `numbers`: how figures are written; `phrases`: wording shared by page and terminal
//! - `findings`: what an audit found in sentences
//! - `tables`: the rows of a comparison as tables; `confusion`: a confusion matrix with its class names

pub mod events;
pub mod html;
pub mod plot;
pub mod text;

mod confusion;
mod findings;
mod numbers;
mod phrases;
mod tables;
mod write;

use std::io;
use std::path::PathBuf;

pub use write::{write_advice, write_audit, write_comparison, write_figures, write_range, write_run};

/// Why a report could not be written or an event file not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be written.
    #[error("cannot write {}: {source}; check that its folder exists, is writable and its disk is not full", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An image for TensorBoard is not a PNG.
    #[error("cannot write the image {tag} for TensorBoard: it is not a PNG")]
    NotPng {
        /// Its tag.
        tag: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is not a TensorBoard event file, or is damaged.
    #[error("{}: record {record} {problem}; the file is damaged or not a TensorBoard event file", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which record, from 1.
        record: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl From<files::Error> for Error {
    fn from(files::Error { path, source, .. }: files::Error) -> Self {
        Self::Write { path, source }
    }
}
