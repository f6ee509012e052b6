//! The tensors of a model by name, and normalisation folded into what comes before it.

use std::collections::BTreeMap;

use checkpoint::Array;
use graph::{Convolution, Norm};

use crate::Error;

/// The tensors of a model.
pub(crate) struct Weights<'a>(pub(crate) &'a BTreeMap<String, Array>);

/// Weight and bias of a convolution, or of a linear layer.
pub(crate) struct Folded {
    /// `[out, in / groups, height, width]`, or `[out, in]`.
    pub(crate) dims: Vec<i64>,
    pub(crate) weight: Vec<f32>,
    /// `[out]`.
    pub(crate) bias: Vec<f32>,
}

impl Weights<'_> {
    /// The array of a name.
    pub(crate) fn array(&self, name: &str) -> Result<&Array, Error> {
        self.0.get(name).ok_or_else(|| Error::NoTensor(name.to_owned()))
    }

    /// Its values.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        Ok(self.array(name)?.to_f32()?)
    }

    /// Its extents.
    pub(crate) fn dims(&self, name: &str) -> Result<Vec<i64>, Error> {
        let shape = &self.array(name)?.shape;
        Ok(shape.iter().map(|&extent| i64::try_from(extent).unwrap_or(i64::MAX)).collect())
    }

    /// The convolution that computes what a convolution and its normalisation do: norm(w x + b) = (w s) x + (b - mean) s + bias
    /// with s = weight / sqrt(variance + eps), in float64.
    pub(crate) fn folded(&self, convolution: &Convolution) -> Result<Folded, Error> {
        let Convolution { weight, bias, norm, .. } = convolution;
        let dims = self.dims(weight)?;
        let mut values = self.values(weight)?;
        let outputs = usize::try_from(dims[0]).unwrap_or(0);
        let mut biases = match bias {
            Some(bias) => self.values(bias)?,
            None => vec![0.0; outputs],
        };
        if let Some(norm) = norm {
            let (scales, shifts) = self.scale_and_shift(norm)?;
            let each = values.len() / outputs.max(1);
            for (output, part) in values.chunks_exact_mut(each.max(1)).enumerate() {
                for value in part {
                    *value = (f64::from(*value) * scales[output]) as f32;
                }
                biases[output] = (f64::from(biases[output]) * scales[output] + shifts[output]) as f32;
            }
        }
        Ok(Folded { dims, weight: values, bias: biases })
    }

    /// What a normalisation multiplies by, and adds after that.
    pub(crate) fn scale_and_shift(&self, norm: &Norm) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let of = |what: &str| self.values(&format!("{}.{what}", norm.name));
        let (weight, bias) = (of("weight")?, of("bias")?);
        let (mean, variance) = (of("running_mean")?, of("running_var")?);
        let scales: Vec<f64> = weight
            .iter()
            .zip(&variance)
            .map(|(&weight, &variance)| f64::from(weight) / (f64::from(variance) + norm.eps).sqrt())
            .collect();
        let shifts = bias.iter().zip(&mean).zip(&scales);
        let shifts = shifts.map(|((&bias, &mean), &scale)| f64::from(bias) - f64::from(mean) * scale);
        let shifts = shifts.collect();
        Ok((scales, shifts))
    }
}
