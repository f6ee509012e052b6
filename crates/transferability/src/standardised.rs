//! Features on one scale, and the way back.

use tch::{Device, Kind, Tensor};

use crate::Error;

/// Deviation below which a feature is constant, as a share of the largest.
const CONSTANT: f64 = 1e-7;

/// Features with mean 0 on one scale: the mean square length of a row is 1, whatever the number of columns, so that one penalty
/// means the same on all features. A constant column becomes zero.
#[derive(Debug)]
pub(crate) struct Standardised {
    /// `[N, D]`, float64, on the CPU.
    pub(crate) x: Tensor,
    /// Mean of each column, `[1, D]`.
    mean: Tensor,
    /// Factor of each column, `[1, D]`.
    scale: Tensor,
}

/// Returns what a head reads of the pooled outputs of stages, `[N, D]` each: of one stage as it is, of several each value divided
/// by its deviation, joined, in float64.
///
/// # Errors
/// When a value is not finite, and when a libtorch call fails.
pub fn joined(stages: &[&Tensor]) -> Result<Tensor, Error> {
    let joined = Tensor::f_cat(stages, 1)?;
    if stages.len() < 2 { Ok(joined) } else { Ok(Standardised::of(&joined)?.x) }
}

/// Weights and bias of a classifier on raw features.
pub(crate) struct Raw {
    /// `[C, D]`
    pub(crate) weight: Tensor,
    /// `[C]`
    pub(crate) bias: Tensor,
}

impl Standardised {
    /// Divides the columns of features `[N, D]`, of any kind and on any device, by their deviations.
    ///
    /// # Errors
    /// When a feature is not finite, and when a libtorch call fails.
    pub(crate) fn of(features: &Tensor) -> Result<Self, Error> {
        Self::with(features, 0.0)
    }

    /// Divides the columns by their deviations and the mean deviation of all, as shrunken centroids do (Tibshirani, Hastie,
    /// Narasimhan and Chu, "Diagnosis of multiple cancer types by shrunken centroids of gene expression", PNAS 2002): late stages
    /// have features that hardly any of few images shows, and divided by their own small deviations those would outweigh all
    /// others on the image that does.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) fn damped(features: &Tensor) -> Result<Self, Error> {
        Self::with(features, 1.0)
    }

    /// Adds a share of the mean deviation to each.
    fn with(features: &Tensor, share: f64) -> Result<Self, Error> {
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
        let usual = (&deviation * &varies).sum(Kind::Double) / columns;
        let scale = varies / (deviation.clamp_min(least) + usual * share);
        let length = (&scale * &deviation).square().sum(Kind::Double).double_value(&[]).sqrt();
        let scale = scale / if length > 0.0 { length } else { 1.0 };
        Ok(Self { x: centred * &scale, mean, scale })
    }

    /// Returns the classifier on raw features that equals weights `[D, C]` and an intercept `[1, C]` on these.
    pub(crate) fn raw(&self, weights: &Tensor, intercept: &Tensor) -> Result<Raw, Error> {
        let weights = weights * self.scale.tr(); // [D, C]
        let bias = intercept - self.mean.f_matmul(&weights)?; // [1, C]
        Ok(Raw { weight: weights.tr().contiguous(), bias: bias.squeeze_dim(0) })
    }
}
