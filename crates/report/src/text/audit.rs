use std::path::Path;

use records::{AuditRecord, LabelRecord};

use super::{Side, aligned, visible};
use crate::findings::{kind_in_words, sentences};
use crate::numbers::{count, counted, percent};

/// Rows of a table in the terminal.
const ROWS: usize = 12;

/// What an audit found: the sentences, then the first of each kind. Ends with a line feed.
pub fn audit(record: &AuditRecord) -> String {
    let images: Vec<String> = record
        .splits
        .iter()
        .map(|split| format!("{} {}", split.split, count(split.classes.iter().sum::<u64>())))
        .collect();
    let mut out = visible(&format!("{}: {}; {}", record.name, record.data, images.join(", ")));
    out.push_str("\n\n");
    for sentence in sentences(record) {
        out.push_str(&format!("{}\n", visible(&sentence)));
    }
    for kind in &record.kinds {
        out.push_str(&format!("{} {}.\n", counted(kind.images, "image"), kind_in_words(&kind.kind)));
    }
    let files = record.files.iter().map(|file| vec![file.path.clone(), file.reason.clone()]);
    table(&mut out, "Files", files.collect(), &[Side::Left]);
    let copies = record.copies.iter().map(|copy| vec![copy.a.clone(), copy.b.clone(), copy.how.clone()]);
    table(&mut out, "Copies", copies.collect(), &[Side::Left]);
    let row = |label: &LabelRecord| {
        vec![
            label.path.clone(),
            format!("says {} ({})", label.label, percent(label.probability)),
            format!("likely {} ({})", label.likely, percent(label.likely_probability)),
        ]
    };
    let flagged = |labels: &[LabelRecord]| labels.iter().filter(|label| label.flagged).map(row).collect();
    table(&mut out, "Labels", flagged(&record.labels), &[Side::Left]);
    table(&mut out, "Labels of images that are measured on", flagged(&record.held_out_labels), &[Side::Left]);
    out
}

/// What a list of corrections holds. Ends with a line feed.
pub fn audit_fix(list: &Path, excluded: usize, together: usize, proposed: usize) -> String {
    let list = list.display().to_string();
    visible(&format!(
        "list    {list}: leaves out {}, keeps {} together, proposes {} more, commented out. To use it: data.exclude = {list:?}",
        counted(excluded as u64, "image"),
        counted(together as u64, "group"),
        count(proposed as u64)
    )) + "\n"
}

fn table(out: &mut String, title: &str, rows: Vec<Vec<String>>, sides: &[Side]) {
    if rows.is_empty() {
        return;
    }
    let more = rows.len().saturating_sub(ROWS);
    out.push_str(&format!("\n{title}\n"));
    out.push_str(&aligned(&rows[..rows.len() - more], sides));
    if more > 0 {
        out.push_str(&format!("… and {more} more, in audit.json\n"));
    }
}
