use std::path::Path;

use crate::Error;

/// Names that a column of paths, of labels, of splits and of groups may have, in any capitals.
const PATH: [&str; 5] = ["path", "file", "filename", "file_name", "image"];
const LABEL: [&str; 3] = ["label", "class", "category"];
const SPLIT: [&str; 1] = ["split"];
const GROUP: [&str; 1] = ["group"];

/// Which column of a list is what, by position.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) path: usize,
    pub(super) label: Option<usize>,
    pub(super) split: Option<usize>,
    pub(super) group: Option<usize>,
    header: Vec<String>,
}

impl Columns {
    /// Finds the columns by the names in the header; `group` is the name of the column of groups where another one than
    /// `group` is asked for.
    ///
    /// # Errors
    /// [`Error::Columns`] without a column of paths, or with two for one thing.
    pub(super) fn find(list: &Path, header: &[String], group: Option<&str>) -> Result<Columns, Error> {
        let one = |names: &[&str]| -> Result<Option<usize>, Error> {
            let mut found = (0..header.len()).filter(|&column| {
                let name = header[column].trim().to_lowercase();
                names.iter().any(|wanted| wanted.to_lowercase() == name)
            });
            match (found.next(), found.next()) {
                (Some(one), Some(other)) => Err(Error::Columns {
                    list: list.to_owned(),
                    message: format!(
                        "the columns {:?} and {:?} mean the same; rename or remove one",
                        header[one], header[other]
                    ),
                }),
                (found, _) => Ok(found),
            }
        };
        let path = one(&PATH)?.ok_or_else(|| Self::without_path(list, header))?;
        let groups = match group {
            Some(name) => Some(one(&[name.trim()])?.ok_or_else(|| Error::Columns {
                list: list.to_owned(),
                message: format!("has no column {name:?} for data.group; it has {}", named(header)),
            })?),
            None => one(&GROUP)?,
        };
        Ok(Columns { path, label: one(&LABEL)?, split: one(&SPLIT)?, group: groups, header: header.to_vec() })
    }

    fn without_path(list: &Path, header: &[String]) -> Error {
        let is_row = header
            .iter()
            .any(|cell| Path::new(cell.trim()).extension().is_some_and(|extension| !extension.is_empty()));
        let message = if is_row {
            format!(
                "has no header: its first line is {}; begin it with a line such as path,label",
                named(header)
            )
        } else {
            format!("has no column of paths; name one {}; it has {}", PATH.join(", "), named(header))
        };
        Error::Columns { list: list.to_owned(), message }
    }

    /// The error for a list whose rows need labels and have none.
    pub(super) fn without_label(&self, list: &Path) -> Error {
        let message =
            format!("has no column of labels; name one {}; it has {}", LABEL.join(", "), named(&self.header));
        Error::Columns { list: list.to_owned(), message }
    }
}

fn named(header: &[String]) -> String {
    header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(header: &[&str], group: Option<&str>) -> Result<[Option<usize>; 4], String> {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        let found = Columns::find(Path::new("l.csv"), &header, group).map_err(|error| error.to_string())?;
        Ok([Some(found.path), found.label, found.split, found.group])
    }

    #[test]
    fn names_in_any_capitals_and_any_order() {
        assert_eq!(find(&["Label", "FILE_NAME"], None), Ok([Some(1), Some(0), None, None]));
        assert_eq!(
            find(&["image", "split", "category", "patient"], Some("Patient")),
            Ok([Some(0), Some(2), Some(1), Some(3)])
        );
        assert_eq!(find(&["path"], None), Ok([Some(0), None, None, None]));
    }

    #[test]
    fn what_is_missing_or_double_is_named() {
        for (header, group, says) in [
            (&["file", "Image", "label"][..], None, &["\"file\"", "\"Image\""][..]),
            (&["path", "label", "class"], None, &["\"label\"", "\"class\""]),
            (&["cat/1.png", "cat"], None, &["no header", "path,label"]),
            (&["a", "b"], None, &["no column of paths", "\"a\", \"b\""]),
            (&["path", "label"], Some("patient"), &["\"patient\"", "data.group"]),
        ] {
            let message = find(header, group).expect_err("refused");
            assert!(says.iter().all(|part| message.contains(part)), "{message}");
        }
    }
}
