//! A finished run's record ([`records`]), and its ways out: one self-contained HTML page, SVG plots, lines for the
//! terminal and TensorBoard events.
//!
//! This room reads records and draws them. It never trains, never measures and never looks at a data set;
//! whatever a page shows stands in the record.
//!
//! - [`text`]: the same facts as aligned plain text
//! - [`html`]: the page of a run, the page of a grid
//! - [`plot`]: line charts as SVG
//! - [`events`]: TensorBoard event files
//! - `write`: pages as files
//! - `numbers`, `pivot`, `reading`: how figures are written, a grid's rows as tables, what page and text ask alike

pub mod events;
pub mod html;
pub mod plot;
pub mod text;

mod confusion;
mod numbers;
mod pivot;
mod reading;
mod write;

use std::io;
use std::path::PathBuf;

pub use write::{write_advice, write_figures, write_grid, write_range, write_run};

/// What can go wrong while writing a report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be written.
    #[error("cannot write {}: {source}; check that its folder exists, is writable and has room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A figure could not be drawn as a picture.
    #[error("cannot draw the {figure} for TensorBoard: {problem}; the figure is in report.html all the same")]
    Draw {
        /// Which one.
        figure: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no TensorBoard event file, or a damaged one.
    #[error("{}: record {record} {problem}; the file is damaged or no TensorBoard event file", path.display())]
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
