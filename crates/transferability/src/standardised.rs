//! Features on one scale, and the way back.

use tch::{Device, Kind, Tensor};

use crate::Error;

/// Deviation below which a feature is constant, as a share of the largest.
const CONSTANT: f64 = 1e-7;

/// Features with mean 0 and variance 1 in each column, then divided by the root of the number of columns that vary: the mean
/// square length of a row is 1, whatever the number of columns, so that one penalty means the same on all features. A
/// constant column becomes zero.
#[derive(Debug)]
pub(crate) struct Standardised {
    /// `[N, D]`, float64, on the CPU.
    pub(crate) x: Tensor,
    /// Mean of each column, `[1, D]`.
    mean: Tensor,
    /// Factor of each column, `[1, D]`.
    scale: Tensor,
}

/// Weights and bias of a classifier on raw features.
pub(crate) struct Raw {
    /// `[C, D]`
    pub(crate) weight: Tensor,
    /// `[C]`
    pub(crate) bias: Tensor,
}

impl Standardised {
    /// Standardises features `[N, D]` of any kind, on any device.
    ///
    /// # Errors
    /// When a feature is not finite, and when a libtorch call fails.
    pub(crate) fn of(features: &Tensor) -> Result<Self, Error> {
        let features = features.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let finite = features.f_isfinite()?.f_all_dim(1, false)?; // [N]
        if finite.f_all()?.int64_value(&[]) == 0 {
            return Err(Error::NotFinite(finite.to_kind(Kind::Int64).argmin(0, false).int64_value(&[])));
        }
        let mean = features.mean_dim([0i64].as_slice(), true, Kind::Double);
        let centred = features - &mean;
        let deviation = centred.square().mean_dim([0i64].as_slice(), true, Kind::Double).sqrt(); // [1, D]
        let least = CONSTANT * deviation.max().double_value(&[]).max(f64::MIN_POSITIVE / CONSTANT);
        let varies = deviation.gt(least).to_kind(Kind::Double);
        let columns = varies.sum(Kind::Double).double_value(&[]).max(1.0);
        let scale = varies / deviation.clamp_min(least) / columns.sqrt();
        Ok(Self { x: centred * &scale, mean, scale })
    }

    /// Returns the classifier on raw features that equals weights `[D, C]` and an intercept `[1, C]` on these.
    pub(crate) fn raw(&self, weights: &Tensor, intercept: &Tensor) -> Result<Raw, Error> {
        let weights = weights * self.scale.tr(); // [D, C]
        let bias = intercept - self.mean.f_matmul(&weights)?; // [1, C]
        Ok(Raw { weight: weights.tr().contiguous(), bias: bias.squeeze_dim(0) })
    }
}
