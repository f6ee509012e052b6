use tch::{Kind, Tensor};

use crate::Error;
use crate::spectrum::{Spectrum, rows_of};

/// A ridge regression with an intercept, at every penalty.
///
/// With centred features `X = U S^1/2 V'`, `g = n p / (S + n p)` and targets less their means `T`: residuals are
/// `R T` and what they are without an image is `R T / diag(R)`, where `R = 1 - 11'/n - U U' + U g U'`.
pub(super) struct Regression {
    /// Axes of the features' spread.
    spectrum: Spectrum,
    /// Targets less their means, `[N, C]`.
    deviations: Tensor,
    /// These along each axis, `U' T`, `[k, C]`.
    along: Tensor,
    /// Squares of the axes' entries, `[N, k]`.
    squares: Tensor,
    /// Diagonal of `1 - 11'/n - U U'`, `[N, 1]`: what no axis explains.
    unexplained: Tensor,
    /// Mean of each target: the share of each class, `[1, C]`.
    pub(super) shares: Tensor,
    /// Number of images.
    images: f64,
}

impl Regression {
    /// Decomposes centred features `[N, D]`; targets are `[N, C]`.
    pub(super) fn of(x: &Tensor, targets: &Tensor) -> Result<Self, Error> {
        let spectrum = Spectrum::of(x)?;
        let images = x.size()[0] as f64;
        let shares = targets.mean_dim([0i64].as_slice(), true, Kind::Double);
        let deviations = targets - &shares;
        let squares = spectrum.u.square();
        let explained = squares.sum_dim_intlist([1i64].as_slice(), true, Kind::Double);
        let unexplained = 1.0 - 1.0 / images - explained;
        let along = spectrum.u.tr().f_matmul(&deviations)?;
        Ok(Self { spectrum, deviations, along, squares, unexplained, shares, images })
    }

    /// Returns the share of each axis that a penalty leaves in the residuals, `[k, 1]`.
    fn kept_back(&self, penalty: f64) -> Tensor {
        let strength = self.images * penalty;
        (strength / (&self.spectrum.squares + strength)).unsqueeze(1)
    }

    /// Returns the scores of each image by the regression that was fitted without it, or without its block of images,
    /// `[N, C]`; the classes' shares are those of all images.
    pub(super) fn left_out(&self, penalty: f64, blocks: &[Vec<usize>]) -> Result<Tensor, Error> {
        let Self { spectrum: Spectrum { u, .. }, deviations, .. } = self;
        let kept_back = self.kept_back(penalty);
        let residuals = deviations - u.f_matmul(&(&self.along * (1.0 - &kept_back)))?; // [N, C]
        let own = &self.unexplained + self.squares.f_matmul(&kept_back)?; // [N, 1]
        let errors = &residuals / own;
        let mut scores = deviations * (1.0 + 1.0 / (self.images - 1.0)) - errors;
        for block in blocks {
            let rows = rows_of(block)?;
            let axes = u.f_index_select(0, &rows)?; // [m, k]
            let m = rows.size()[0];
            let explaining: Tensor = 1.0 - kept_back.tr(); // [1, k]
            let explained = axes.f_mul(&explaining)?.f_matmul(&axes.tr())?; // [m, m]
            let operator = Tensor::f_eye(m, (Kind::Double, u.device()))? - 1.0 / self.images - explained;
            let errors = Tensor::f_linalg_solve(&operator, &residuals.f_index_select(0, &rows)?, true)?;
            let deviations = deviations.f_index_select(0, &rows)?;
            let shift =
                deviations.sum_dim_intlist([0i64].as_slice(), true, Kind::Double) / (self.images - m as f64);
            let _ = scores.f_index_copy_(0, &rows, &(deviations + shift - errors))?;
        }
        Ok(scores + &self.shares)
    }

    /// Returns the dual coefficients of the weights on all images, `[N, C]`: weights are `X'` times these.
    pub(super) fn dual(&self, penalty: f64) -> Result<Tensor, Error> {
        let strength = self.images * penalty;
        let along = &self.along / (&self.spectrum.squares + strength).unsqueeze(1);
        Ok(self.spectrum.u.f_matmul(&along)?)
    }
}
