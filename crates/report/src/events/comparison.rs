use std::path::Path;

use records::{Amount, ComparisonRecord};

use super::{EventWriter, seconds_since_1970, write_run};
use crate::Error;
use crate::tables::{self, Table};

/// Writes a comparison: its table as `dir/comparison`, and the runs whose training is recorded, one for each setting, as
/// folders of `dir` that are named after them: `1-held-out-faces-30-per-class-scratch`. Existing files are not replaced.
///
/// In `comparison` are, for each setting, `accuracy/SETTING` (the mean over the seeds), `accuracy_low/SETTING` and
/// `accuracy_high/SETTING` (its 95% confidence interval); tags of one variant or group of classes begin with its name. Their steps
/// are training images per class; all images are at twice the largest number.
///
/// # Errors
/// As [`write_run`].
pub fn write_comparison(comparison: &ComparisonRecord, dir: &Path) -> Result<(), Error> {
    table(comparison, &dir.join("comparison"))?;
    (1u32..).zip(&comparison.traces).try_for_each(|(number, trace)| {
        let amount = Amount(trace.images_per_class).short();
        let name = format!("{number} {} {amount} {}", trace.variant, trace.method);
        let parts: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty()).collect();
        write_run(&trace.run, &dir.join(parts.join("-")))
    })
}

fn table(comparison: &ComparisonRecord, dir: &Path) -> Result<(), Error> {
    let tables = tables::tables(comparison);
    let time = seconds_since_1970();
    let mut writer = EventWriter::create(dir)?;
    let of_all = tables.len() == 1;
    for table in &tables {
        let title = if of_all { String::new() } else { format!("{}/", table.title()) };
        for (method, amount, cell) in cells(table) {
            let step = table.position(amount).into();
            writer.scalar(&format!("{title}accuracy/{method}"), step, cell.mean, time)?;
            if let Some(interval) = cell.interval {
                writer.scalar(&format!("{title}accuracy_low/{method}"), step, interval.low, time)?;
                writer.scalar(&format!("{title}accuracy_high/{method}"), step, interval.high, time)?;
            }
        }
    }
    writer.flush()
}

/// Method, amount of data and cell, method by method and in order of the amounts.
fn cells<'a>(table: &'a Table<'_>) -> impl Iterator<Item = (&'a str, Amount, tables::Cell)> {
    table.methods.iter().enumerate().flat_map(|(column, method)| {
        let rows = table.rows.iter();
        rows.filter_map(move |row| Some((*method, row.amount, (*row.cells.get(column)?)?)))
    })
}
