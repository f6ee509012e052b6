//! A finished run's record, and its ways out: one self-contained HTML page, SVG plots, lines for the
//! terminal and TensorBoard events.
//!
//! This room reads records and draws them. It never trains, never measures and never looks at a data set;
//! whatever a page shows stands in the record.
//!
//! - [`record`]: what a run and a grid of runs leave behind
//! - [`html`]: the page of a run, the page of a grid
//! - [`plot`]: line charts as SVG
//! - [`text`]: the same facts as aligned plain text
//! - [`events`]: TensorBoard event files
//! - `numbers`, `pivot`, `reading`: how figures are written, a grid's rows as tables, what page and text ask alike
//! - `json`: values of a record that JSON cannot hold

pub mod events;
pub mod html;
pub mod plot;
pub mod record;
pub mod text;

mod json;
mod numbers;
mod pivot;
mod reading;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::record::{GridRecord, RunRecord};

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

/// Writes the page of a run as `report.html` into the folder `dir`, which must exist.
///
/// An older page there is replaced in one step, so a full disk never leaves half a page.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_run(record: &RunRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::run_page(record), dir)
}

/// Writes the page of a grid as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_grid(record: &GridRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::grid_page(record), dir)
}

fn write_page(page: &str, dir: &Path) -> Result<(), Error> {
    let path = dir.join("report.html");
    let part = dir.join("report.html.part");
    fs::write(&part, page).and_then(|()| fs::rename(&part, &path)).map_err(|source| {
        // The part file is of no use to anyone; that it may be missing is no second error.
        let _ = fs::remove_file(&part);
        Error::Write { path, source }
    })
}
