use std::path::Path;

use records::GridRecord;

use super::{EventWriter, figures, seconds_since_1970, write_run};
use crate::Error;
use crate::pivot::{self, Table};

/// Writes a comparison: its table as `dir/comparison`, and the runs whose training is recorded, one for each setting, as
/// folders of `dir` that are named after them: `1-held-out-faces-30-per-class-scratch`. What is there from before is not
/// replaced.
///
/// In `comparison` are, for each setting, `accuracy/SETTING` (the mean over the seeds), `accuracy_low/SETTING` and
/// `accuracy_high/SETTING` (its 95 % interval); tags of one variant or group of classes begin with its name. Their steps
/// are training images of each class; all images stand at twice the largest number. The charts of the page are the pictures
/// `accuracy/1` and so on.
///
/// # Errors
/// As [`write_run`].
pub fn write_grid(grid: &GridRecord, dir: &Path) -> Result<(), Error> {
    table(grid, &dir.join("comparison"))?;
    (1u32..).zip(&grid.traces).try_for_each(|(number, trace)| {
        let amount =
            trace.images_per_class.map_or("all-images".to_owned(), |count| format!("{count}-per-class"));
        let name = format!("{number} {} {amount} {}", trace.variant, trace.method);
        let parts: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty()).collect();
        write_run(&trace.run, &dir.join(parts.join("-")))
    })
}

fn table(grid: &GridRecord, dir: &Path) -> Result<(), Error> {
    let tables = pivot::tables(grid);
    let time = seconds_since_1970();
    let mut writer = EventWriter::create(dir)?;
    let of_all = tables.len() == 1;
    for table in &tables {
        let title = if of_all { String::new() } else { format!("{}/", table.title()) };
        for (method, row, cell) in cells(table) {
            let step = table.place(row).into();
            writer.scalar(&format!("{title}accuracy/{method}"), step, cell.mean, time)?;
            if let Some(interval) = cell.interval {
                writer.scalar(&format!("{title}accuracy_low/{method}"), step, interval.low, time)?;
                writer.scalar(&format!("{title}accuracy_high/{method}"), step, interval.high, time)?;
            }
        }
    }
    for (number, svg) in (1..).zip(figures::accuracy(&tables)) {
        let figure = format!("accuracy/{number}");
        let png = figures::png(&svg).map_err(|problem| Error::Draw { figure: figure.clone(), problem })?;
        writer.image(&figure, 0, png, time)?;
    }
    writer.flush()
}

/// The cells of a table with their setting and amount of data, the amounts of a setting in order.
fn cells<'a>(table: &'a Table<'_>) -> impl Iterator<Item = (&'a str, Option<u32>, pivot::Cell)> {
    table.methods.iter().enumerate().flat_map(|(column, method)| {
        let rows = table.rows.iter();
        rows.filter_map(move |row| Some((*method, row.images_per_class, (*row.cells.get(column)?)?)))
    })
}
