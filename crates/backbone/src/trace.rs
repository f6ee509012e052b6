//! Shapes and costs without computing.

/// What a forward pass would give and cost, known from shapes alone: it goes through the layers as a tensor would, and
/// nothing is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Shape of the output, `[N, C, H, W]` or `[N, features]`.
    pub shape: Vec<i64>,
    /// Multiplications with an addition each, in convolutions and linear layers; the rest is small compared with them.
    pub multiply_adds: u64,
}

impl Trace {
    /// An input of this shape, for which nothing has been computed yet.
    #[must_use]
    pub fn input(shape: &[i64]) -> Self {
        Self { shape: shape.to_vec(), multiply_adds: 0 }
    }

    /// The input of a branch: this shape, the cost counted from here.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self::input(&self.shape)
    }

    /// After a layer whose output has `shape`, each of its values the sum of `terms` products.
    #[must_use]
    pub fn layer(self, shape: Vec<i64>, terms: i64) -> Self {
        let products = shape.iter().product::<i64>().saturating_mul(terms);
        let multiply_adds = self.multiply_adds + u64::try_from(products).unwrap_or(0);
        Self { shape, multiply_adds }
    }

    /// With the cost of something that was computed as well and did not change the shape.
    #[must_use]
    pub fn plus(self, multiply_adds: u64) -> Self {
        Self { multiply_adds: self.multiply_adds + multiply_adds, ..self }
    }

    /// Flattened behind the first extent: `[N, C, H, W]` -> `[N, C * H * W]`.
    #[must_use]
    pub fn flat(self) -> Self {
        let features = self.shape.iter().skip(1).product();
        let batch = self.shape.first().copied().unwrap_or(1);
        Self { shape: vec![batch, features], ..self }
    }

    /// With other extents behind the first two, `[N, C]`: pooling.
    #[must_use]
    pub fn resized(mut self, side: impl Fn(i64) -> i64) -> Self {
        for extent in self.shape.iter_mut().skip(2) {
            *extent = side(*extent);
        }
        self
    }
}
