use tch::{Kind, Tensor};

use crate::Error;

/// Singular values below this multiple of the largest one are rounding.
const NEGLIGIBLE: f64 = 1e-6;

/// The thin singular value decomposition of a matrix `[N, D]`, left side only: what scores of a linear model need.
#[derive(Debug)]
pub(crate) struct Spectrum {
    /// Left singular vectors, `[N, k]`, float64.
    pub(crate) u: Tensor,
    /// Squares of the singular values that are not rounding, `[k]`, falling.
    pub(crate) squares: Tensor,
}

impl Spectrum {
    /// Of features in float64, by the eigenvectors of the smaller of the two Gram matrices.
    pub(crate) fn of(x: &Tensor) -> Result<Self, Error> {
        let (n, d) = x.size2()?;
        let (values, vectors) = if n <= d {
            x.f_matmul(&x.tr())?.f_linalg_eigh("L")? // [N], [N, N]
        } else {
            x.tr().f_matmul(x)?.f_linalg_eigh("L")? // [D], [D, D]
        };
        let (values, vectors) = (values.flip([0]), vectors.flip([1]));
        let largest = values.max().double_value(&[]).max(f64::MIN_POSITIVE);
        let kept = values.gt(largest * NEGLIGIBLE * NEGLIGIBLE).sum(Kind::Int64).int64_value(&[]).max(1);
        let squares = values.narrow(0, 0, kept).clamp_min(f64::MIN_POSITIVE);
        let vectors = vectors.narrow(1, 0, kept);
        let u = if n <= d { vectors } else { x.f_matmul(&vectors)? / squares.sqrt() };
        Ok(Self { u, squares })
    }

    /// The features in the axes of their own spread, `[N, k]`: a rotation of them, directions without spread left out.
    pub(crate) fn coordinates(&self) -> Tensor {
        &self.u * self.squares.sqrt()
    }
}

/// Labels as columns of zeros and ones, `[N, classes]`, float64.
pub(crate) fn one_hot(labels: &[usize], classes: usize) -> Result<Tensor, Error> {
    let labels: Vec<i64> = labels.iter().map(|&label| i64::try_from(label).unwrap_or(0)).collect();
    let classes = i64::try_from(classes).unwrap_or(i64::MAX);
    Ok(Tensor::f_from_slice(&labels)?.f_one_hot(classes)?.to_kind(Kind::Double))
}

/// Indices as a tensor `[M]`, int64.
pub(crate) fn rows_of(images: &[usize]) -> Result<Tensor, Error> {
    let images: Vec<i64> = images.iter().map(|&image| i64::try_from(image).unwrap_or(i64::MAX)).collect();
    Ok(Tensor::f_from_slice(&images)?)
}
