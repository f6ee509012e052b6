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
}

/// One row.
pub(super) struct Row<'a> {
    /// Its line, from 1.
    pub(super) line: u64,
    cells: &'a [String],
}

impl Row<'_> {
    /// The cell of a column without spaces around it; empty where the row is short.
    pub(super) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |cell| cell.trim())
    }
}

impl Rows {
    /// Reads a list.
    ///
    /// # Errors
    /// [`Error::ListText`] for a file that is none, [`Error::ListRow`] with the line at fault.
    pub(super) fn read(list: &Path) -> Result<Rows, Error> {
        let Some(form) = Form::of(list) else {
            let message = "is no list by its extension; a list is a .csv, .tsv or .jsonl file".to_owned();
            return Err(Error::ListText { list: list.to_owned(), message });
        };
        let text = text::read(list)?;
        if text.trim().is_empty() {
            return Err(Error::ListText { list: list.to_owned(), message: "is empty".to_owned() });
        }
        match form {
            Form::JsonLines => json_lines(list, &text),
            Form::Csv | Form::Tsv => cells(list, &text, delimiter(form, &text)),
        }
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { line: *line, cells })
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// A spreadsheet that writes decimal commas puts semicolons between cells.
fn delimiter(form: Form, text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    match form {
        Form::Tsv => b'\t',
        _ if header.contains(',') => b',',
        _ if header.contains(';') => b';',
        _ if header.contains('\t') => b'\t',
        _ => b',',
    }
}

fn cells(list: &Path, text: &str, delimiter: u8) -> Result<Rows, Error> {
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
        if record.iter().any(|cell| !cell.trim().is_empty()) {
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
    Ok(Rows { header, rows })
}

fn json_lines(list: &Path, text: &str) -> Result<Rows, Error> {
    let mut header: Vec<String> = Vec::new();
    let mut rows = Vec::new();
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
            cells[column] = match value {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            };
        }
        rows.push((line, cells));
    }
    Ok(Rows { header, rows })
}
