//! Pages and figures as files; an existing page is replaced in one step.

use std::path::Path;

use records::{AdviceRecord, AuditRecord, ComparisonRecord, RangeRecord, RunRecord};

use crate::{Error, html, tables};

/// Writes the page of a run as `report.html` into the folder `dir`, which is created where missing.
///
/// An older page there is replaced in one step, so a full disk never leaves half a page.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_run(record: &RunRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::run_page(record), dir)
}

/// Writes the page of a comparison as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_comparison(record: &ComparisonRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::comparison_page(record), dir)
}

/// Writes the page of a learning-rate range test as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_range(record: &RangeRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::range_page(record), dir)
}

/// Writes the charts of a comparison as SVG files into the folder `figures` of `dir`: `accuracy-1.svg` and so on for each table,
/// `training-1.svg` and `gradients-1.svg` for each setting whose training is recorded.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_figures(record: &ComparisonRecord, dir: &Path) -> Result<(), Error> {
    let folder = dir.join("figures");
    let kinds = [
        ("accuracy", html::accuracy_charts(&tables::tables(record))),
        ("training", html::training_charts(record)),
        ("gradients", html::flow_charts(record)),
    ];
    for (kind, charts) in kinds {
        for (number, chart) in (1..).zip(charts) {
            files::write(&folder.join(format!("{kind}-{number}.svg")), chart.document())?;
        }
    }
    Ok(())
}

/// Writes the page of advice as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_advice(record: &AdviceRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::advice_page(record), dir)
}

/// Writes the page of an audit as `report.html` into the folder `dir`, as [`write_run`] does for a run.
///
/// # Errors
/// [`Error::Write`] when the file system refuses.
pub fn write_audit(record: &AuditRecord, dir: &Path) -> Result<(), Error> {
    write_page(&html::audit_page(record), dir)
}

fn write_page(page: &str, dir: &Path) -> Result<(), Error> {
    Ok(files::write(&dir.join("report.html"), page)?)
}
