//! Labelled images in a list: CSV, TSV or JSON Lines with a path and a label in each row, a split and a group where they
//! are known.
//!
//! - `text`: bytes to text, whatever Excel made of them; `rows`: text to rows of cells; `columns`: which cell is what

mod columns;
mod rows;
mod text;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::columns::Columns;
use self::rows::{Row, Rows};
use crate::class_name::class_name;
use crate::listing::{Item, Listing, id};
use crate::paths::{normal, text};
use crate::{Error, Remark, SplitName};

/// Whether a file is a list by its extension: `.csv`, `.tsv` or `.jsonl`, in any capitals.
#[must_use]
pub fn is_list(path: &Path) -> bool {
    rows::Form::of(path).is_some()
}

/// Whether a list can be read and has columns for path and label.
pub(crate) fn has_labels(list: &Path) -> bool {
    let has =
        |rows: Rows| Columns::find(list, rows.header(), None).is_ok_and(|columns| columns.label.is_some());
    Rows::read(list).is_ok_and(has)
}

/// Lists the images that a list names, with their classes, splits and groups. Paths are relative to `root`, or else to the
/// list's folder; `group` names another column than `group` for what belongs together.
///
/// # Errors
/// [`Error::ListRow`], with the line, for a file that is not there, a row without a label, an unknown split, an image with
/// two labels or in two splits; [`Error::Columns`] for a header that does not say what is what; [`Error::ListText`] for a
/// list that cannot be read.
pub(crate) fn read(list: &Path, root: Option<&Path>, group: Option<&str>) -> Result<Listing, Error> {
    let rows = Rows::read(list)?;
    let columns = Columns::find(list, rows.header(), group)?;
    let Some(label) = columns.label else { return Err(columns.without_label(list)) };
    let root = root.map_or_else(|| folder_of(list), Path::to_owned);
    let mut listing = Listing { root: root.clone(), ..Listing::default() };
    let mut seen: HashMap<PathBuf, usize> = HashMap::new();
    let mut missing = Missing::default();
    let mut again: Option<(usize, u64)> = None;
    let mut without_group: Option<(usize, u64)> = None;
    for row in rows.rows() {
        let wrong = |message: String| Error::ListRow { list: list.to_owned(), line: row.line, message };
        let written = row.cell(columns.path);
        if written.is_empty() {
            return Err(wrong("this row names no file".to_owned()));
        }
        if written.contains(['\n', '\r']) {
            return Err(wrong("a quotation mark opens in this row and is not closed in it".to_owned()));
        }
        let class = class_name(row.cell(label));
        if class.is_empty() {
            return Err(wrong(format!("{written} has no label")));
        }
        if row.is_compound(label) {
            return Err(wrong(format!(
                "{written} has the label {class}; an image has one label, a text or a number"
            )));
        }
        if class.contains(char::is_control) {
            return Err(wrong(format!("the label {class:?} holds a control character")));
        }
        let split = columns.split.map(|column| split(&row, column)).transpose().map_err(wrong)?.flatten();
        let path = file(&root, written);
        if path.is_dir() {
            return Err(wrong(format!("{written} is a folder; name the files in it")));
        }
        if !path.is_file() {
            missing.add(written, row.line);
        }
        let group = columns.group.map(|column| row.cell(column).to_owned());
        if group.as_ref().is_some_and(String::is_empty) {
            without_group = Some(without_group.map_or((1, row.line), |(rows, first)| (rows + 1, first)));
        }
        let item = Item {
            class,
            split,
            group: group.filter(|group| !group.is_empty()),
            id: id(written.replace('\\', "/").trim_start_matches("./").as_bytes()),
            inner: written.replace('\\', "/"),
            below_root: text(path.strip_prefix(&root).unwrap_or(&path)),
            line: Some(row.line),
            path,
        };
        match seen.get(&normal(&item.path)).map(|&earlier| &listing.items[earlier]) {
            None => {
                seen.insert(normal(&item.path), listing.items.len());
                listing.items.push(item);
            }
            Some(earlier) => {
                let line = earlier.line.unwrap_or(0);
                if earlier.class != item.class {
                    let message = format!(
                        "{written} is labelled {:?} here and {:?} in line {line}",
                        item.class, earlier.class
                    );
                    return Err(wrong(message));
                }
                if earlier.split != item.split {
                    return Err(wrong(format!("{written} is in another split here than in line {line}")));
                }
                again = Some(again.map_or((1, row.line), |(count, first)| (count + 1, first)));
            }
        }
    }
    missing.refuse(list, &root, rows.len())?;
    if listing.items.is_empty() {
        return Err(Error::ListText {
            list: list.to_owned(),
            message: "has a header and no rows".to_owned(),
        });
    }
    check_splits(list, &listing.items)?;
    if let Some((rows, line)) = without_group {
        listing.remarks.push(Remark::WithoutGroup { rows, line });
    }
    if let Some((rows, line)) = again {
        listing.remarks.push(Remark::NamedTwice { rows, line });
    }
    Ok(listing)
}

/// The files that a list names, in its order, for a model to classify; labels are not asked for.
///
/// # Errors
/// As [`read`], but for labels and for files that are not there, which are reported when they are read.
pub(crate) fn paths(list: &Path, root: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    let rows = Rows::read(list)?;
    let columns = Columns::find(list, rows.header(), None)?;
    let root = root.map_or_else(|| folder_of(list), Path::to_owned);
    let named =
        rows.rows().map(|row| row.cell(columns.path).to_owned()).filter(|written| !written.is_empty());
    Ok(named.map(|written| file(&root, &written)).collect())
}

/// What paths in a list are relative to.
fn folder_of(list: &Path) -> PathBuf {
    list.parent().map(Path::to_owned).unwrap_or_default()
}

/// The file that a cell names. A list written on Windows has `\` between the parts of a path.
fn file(root: &Path, written: &str) -> PathBuf {
    let path = root.join(written);
    if !written.contains('\\') || path.exists() { path } else { root.join(written.replace('\\', "/")) }
}

fn split(row: &Row<'_>, column: usize) -> Result<Option<SplitName>, String> {
    match row.cell(column).trim() {
        "" => Ok(None),
        word => SplitName::of_word(word)
            .map(Some)
            .ok_or_else(|| format!("{word:?} is not a split: write one of {}", SplitName::words())),
    }
}

/// Refuses a list of which some rows have a split and some have none.
fn check_splits(list: &Path, items: &[Item]) -> Result<(), Error> {
    let first =
        |with: bool| items.iter().find(|item| item.split.is_some() == with).and_then(|item| item.line);
    match (first(true), first(false)) {
        (Some(with), Some(without)) => Err(Error::ListRow {
            list: list.to_owned(),
            line: without,
            message: format!("this row has no split, and line {with} has one: give all rows one, or none"),
        }),
        _ => Ok(()),
    }
}

/// Files that are not there.
#[derive(Default)]
struct Missing {
    first: Option<(String, u64)>,
    count: usize,
}

impl Missing {
    fn add(&mut self, written: &str, line: u64) {
        self.count += 1;
        self.first.get_or_insert_with(|| (written.to_owned(), line));
    }

    fn refuse(self, list: &Path, root: &Path, rows: usize) -> Result<(), Error> {
        let Some((written, line)) = self.first else { return Ok(()) };
        let others = match self.count - 1 {
            0 => String::new(),
            more => format!(", and {more} more of {rows} rows name files that are not there"),
        };
        let place = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let message = format!(
            "{written} is not there (below {}){others}; data.root says what paths are relative to",
            place.display()
        );
        Err(Error::ListRow { list: list.to_owned(), line, message })
    }
}
