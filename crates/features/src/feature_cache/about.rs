//! What is written beside a file of features about it.

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::{Form, List};

/// What lies beside a file of features.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    /// Whose features they are; also the file's name.
    pub(super) key: String,
    /// The digest of each picture, one after another.
    pub(super) pictures: String,
    pub(super) shape: Vec<i64>,
    pub(super) kind: String,
    pub(super) sha256: String,
}

impl About {
    /// What is known before there are features.
    pub(super) fn before(list: &List, Form { shape, kind }: &Form) -> Self {
        Self {
            key: list.name(),
            pictures: list.pictures.iter().map(hex::encode).collect(),
            shape: shape.clone(),
            kind: format!("{kind:?}"),
            sha256: "0".repeat(64),
        }
    }

    /// For each picture of a list its row here; `None` if there is none of them, if features have another form, or if the
    /// pictures are not those of the name.
    pub(super) fn rows_of(&self, list: &List, form: &Form) -> Option<Vec<Option<i64>>> {
        let alike = self.shape.get(1..)? == form.shape.get(1..)? && self.kind == format!("{:?}", form.kind);
        let pictures = self.pictures.as_bytes().chunks(64).map(|digits| {
            let mut picture = [0; 32];
            hex::decode_to_slice(digits, &mut picture).ok().map(|()| picture)
        });
        let here = List::new(list.key.clone(), pictures.collect::<Option<_>>()?);
        let row_of: HashMap<&[u8; 32], i64> = here.pictures.iter().zip(0..*self.shape.first()?).collect();
        let rows: Vec<Option<i64>> =
            list.pictures.iter().map(|picture| row_of.get(picture).copied()).collect();
        (alike && here.name() == self.key && rows.iter().any(Option::is_some)).then_some(rows)
    }

    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(io::Error::other)
    }
}
