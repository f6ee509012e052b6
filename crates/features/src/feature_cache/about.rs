//! Description of a file of features.

use std::collections::HashMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::key::List;

/// Description of a file of features, stored next to it as JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    /// Name of the list, which is also that of the file.
    pub(super) key: String,
    /// Digest of each image, in hex digits one after another.
    pub(super) images: String,
    /// Extents in storage order.
    pub(super) shape: Vec<i64>,
    /// Type of the values.
    pub(super) kind: String,
    /// Of the file of features.
    pub(super) sha256: String,
}

impl About {
    /// Returns the description of features that are not computed yet, with zeros for their digest.
    pub(super) fn before(list: &List, Form { shape, kind }: &Form) -> Self {
        Self {
            key: list.name(),
            images: list.images.iter().map(hex::encode).collect(),
            shape: shape.clone(),
            kind: format!("{kind:?}"),
            sha256: "0".repeat(64),
        }
    }

    /// Returns for each image of a list its row here; `None` if there is none of them, if features have another shape or
    /// type, or if the images described are not those that the name was made from.
    pub(super) fn rows_of(&self, list: &List, form: &Form) -> Option<Vec<Option<i64>>> {
        let alike = self.shape.get(1..)? == form.shape.get(1..)? && self.kind == format!("{:?}", form.kind);
        let images = self.images.as_bytes().chunks(64).map(|digits| {
            let mut image = [0; 32];
            hex::decode_to_slice(digits, &mut image).ok().map(|()| image)
        });
        let here = List::new(list.key.clone(), images.collect::<Option<_>>()?);
        let row_of: HashMap<&[u8; 32], i64> = here.images.iter().zip(0..*self.shape.first()?).collect();
        let rows: Vec<Option<i64>> = list.images.iter().map(|image| row_of.get(image).copied()).collect();
        (alike && here.name() == self.key && rows.iter().any(Option::is_some)).then_some(rows)
    }

    /// Size of features of this form and of their description in bytes; it does not depend on the digest.
    pub(super) fn bytes_with(&self, form: &Form) -> Option<u64> {
        form.bytes()?.checked_add(self.text().ok()?.len() as u64)
    }

    /// Returns the description as JSON.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(io::Error::other)
    }
}
