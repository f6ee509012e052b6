use tch::Kind;

/// Shape and type of stored features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Extents in storage order, the slowest first: images, then what there is of each.
    pub shape: Vec<i64>,
    /// Type of the values.
    pub kind: Kind,
}

impl Form {
    /// Size of the values in bytes; `None` if an extent is not positive or the size overflows.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.kind.elt_size_in_bytes() as u64, |product, &extent| {
            product.checked_mul(u64::try_from(extent).ok().filter(|&extent| extent > 0)?)
        })
    }
}
