//! Pages as files, each replaced in one step.

use std::fs;
use std::path::Path;

use crate::record::{AdviceRecord, GridRecord, RangeRecord, RunRecord};
use crate::{Error, html};

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

/// Writes the page of a learning-rate range test as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_range(record: &RangeRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::range_page(record), dir)
}

/// Writes the page of an advice as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_advice(record: &AdviceRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::advice_page(record), dir)
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
