//! What a file of any format holds, before it is decided which of its tensors are the weights.

use std::collections::BTreeMap;

use crate::classes::Classes;
use crate::{Array, Dtype, Error};

/// Tensors by place, and what else the file holds; no value is read yet.
pub(super) struct Content {
    /// In the file's order.
    pub(super) leaves: Vec<Leaf>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Names of classes in label order, as a key of the file gives them.
    pub(super) classes: Classes,
    /// What else there is, as `"path: Python type"`.
    pub(super) skipped: Vec<String>,
    /// Tensors that cannot be read, by name, and why and what to do.
    pub(super) unread: Vec<(String, String)>,
    pub(super) values: Box<dyn Values>,
}

/// A tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// The keys that lead to it. The last is its name in its state dict, dots included.
    pub(super) levels: Vec<String>,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: Dtype,
}

/// Where the values of the leaves are.
pub(super) trait Values: Send + Sync {
    /// Reads the leaves at these positions, given in ascending order, and hands over each.
    fn read(
        &self,
        leaves: &[Leaf],
        chosen: &[usize],
        take: &mut dyn FnMut(usize, Array) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

impl Leaf {
    /// All keys, joined by dots.
    pub(super) fn path(&self) -> String {
        self.levels.join(".")
    }

    /// Bytes of its values.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.dtype.size(), |bytes, &side| bytes.checked_mul(side))
    }
}
