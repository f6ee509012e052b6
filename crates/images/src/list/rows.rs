use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::text;
use crate::Error;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Cells between commas, or between semicolons where the header has no comma.
    Csv,
    /// Cells between tabulators.
    Tsv,
    /// A JSON object a line.
    JsonLines,
}

impl Form {
    /// By the extension.
    pub(super) fn of(path: &Path) -> Option<Form> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// The rows of a list under one header.
pub(super) struct Rows {
    header: Vec<String>,
    /// Line, from 1, and cells; cells behind the last column are none.
    rows: Vec<(u64, Vec<String>)>,
    /// Line and column of the cells that are JSON arrays or objects.
    compound: BTreeSet<(u64, usize)>,
}

/// One row.
pub(super) struct Row<'a> {
    /// Its line, from 1.
    pub(super) line: u64,
    cells: &'a [String],
    compound: &'a BTreeSet<(u64, usize)>,
}

impl Row<'_> {
    /// The cell of a column without spaces around it; empty where the row is short.
    pub(super) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |cell| cell.trim())
    }

    /// Whether a cell is an array or an object of JSON.
    pub(super) fn is_compound(&self, column: usize) -> bool {
        self.compound.contains(&(self.line, column))
    }
}

impl Rows {
    /// Reads a list.
    ///
    /// # Errors
    /// [`Error::ListText`] for a file that is none, [`Error::ListRow`] with the line at fault.
    pub(super) fn read(list: &Path) -> Result<Rows, Error> {
        let Some(form) = Form::of(list) else {
            let message = "is not a list: use a .csv, .tsv or .jsonl file".to_owned();
            return Err(Error::ListText { list: list.to_owned(), message });
        };
        let text = text::read(list)?;
        if text.starts_with("PK\u{3}\u{4}") {
            let message = "is an Excel workbook by its content; save it as CSV".to_owned();
            return Err(Error::ListText { list: list.to_owned(), message });
        }
        if text.trim().is_empty() {
            return Err(Error::ListText { list: list.to_owned(), message: "is empty".to_owned() });
        }
        match form {
            Form::JsonLines => json_lines(list, &text),
            Form::Csv | Form::Tsv => cells(list, &text, form),
        }
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { line: *line, cells, compound: &self.compound })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// What stands between cells, by the header. A spreadsheet that writes decimal commas puts semicolons there.
fn delimiter(form: Form, header: &str) -> u8 {
    let usual = if form == Form::Tsv { b'\t' } else { b',' };
    [usual, b',', b';', b'\t', b'|']
        .into_iter()
        .find(|&mark| header.contains(char::from(mark)))
        .unwrap_or(usual)
}

/// Lines before the header: comments, and Excel's `sep=;`.
fn lines_before_header(text: &str) -> usize {
    let is_before = |line: &&str| line.starts_with('#') || line.to_lowercase().starts_with("sep=");
    text.lines().take_while(is_before).count()
}

fn cells(list: &Path, text: &str, form: Form) -> Result<Rows, Error> {
    // Of two characters at a line's end the reader counts the second to the next line.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    let before = lines_before_header(text);
    let delimiter = delimiter(form, text.lines().nth(before).unwrap_or_default());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            Error::ListRow { list: list.to_owned(), line, message: error.to_string() }
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        if line > before as u64 && record.iter().any(|cell| !cell.trim().is_empty()) {
            all.push((line, record.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
    }
    let mut all = all.into_iter();
    let header = all.next().map(|(_, header)| header).unwrap_or_default();
    let rows: Vec<_> = all.collect();
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() > header.len()) {
        let message = format!(
            "this row has {} cells and the header {}; put \"...\" around a cell that holds a comma",
            row.len(),
            header.len()
        );
        return Err(Error::ListRow { list: list.to_owned(), line: *line, message });
    }
    Ok(Rows { header, rows, compound: BTreeSet::new() })
}

fn json_lines(list: &Path, text: &str) -> Result<Rows, Error> {
    let mut header: Vec<String> = Vec::new();
    let (mut rows, mut compound) = (Vec::new(), BTreeSet::new());
    for (line, written) in (1..).zip(text.lines()) {
        if written.trim().is_empty() {
            continue;
        }
        let wrong = |message: String| Error::ListRow { list: list.to_owned(), line, message };
        let object: Map<String, Value> =
            serde_json::from_str(written).map_err(|error| wrong(format!("no JSON object: {error}")))?;
        let mut cells = vec![String::new(); header.len()];
        for (key, value) in object {
            let column = header.iter().position(|known| *known == key).unwrap_or_else(|| {
                header.push(key);
                cells.push(String::new());
                header.len() - 1
            });
            if value.is_array() || value.is_object() {
                compound.insert((line, column));
            }
            cells[column] = match value {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            };
        }
        rows.push((line, cells));
    }
    Ok(Rows { header, rows, compound })
}
