use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::module::{Mode, Module};
use crate::variables::Path;

/// Numbers of a batch-norm; the defaults are `torch.nn.BatchNorm2d`'s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormSpec {
    /// Added to the variance.
    pub eps: f64,
    /// Share of a batch in the running statistics.
    pub momentum: f64,
}

impl NormSpec {
    /// Those of `torch.nn.BatchNorm2d`.
    pub const TORCH: Self = Self { eps: 1e-5, momentum: 0.1 };
}

impl Default for NormSpec {
    fn default() -> Self {
        Self::TORCH
    }
}

/// Batch normalisation over the channels (Ioffe and Szegedy 2015), with the variables of `torch.nn.BatchNorm2d`.
#[derive(Debug)]
pub struct BatchNorm {
    name: String,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    batches: Tensor,
    spec: NormSpec,
}

impl BatchNorm {
    /// Starts as the identity of a standard normal input.
    #[must_use]
    pub fn new(path: &Path, channels: i64, spec: NormSpec) -> Self {
        let cpu = (Kind::Float, Device::Cpu);
        let norm = Self {
            name: path.name().to_owned(),
            weight: path.parameter("weight", Tensor::ones([channels], cpu)),
            bias: path.parameter("bias", Tensor::zeros([channels], cpu)),
            running_mean: path.buffer("running_mean", Tensor::zeros([channels], cpu)),
            running_var: path.buffer("running_var", Tensor::ones([channels], cpu)),
            batches: path.buffer("num_batches_tracked", Tensor::zeros([], (Kind::Int64, Device::Cpu))),
            spec,
        };
        path.has_statistics([&norm.running_mean, &norm.running_var, &norm.batches], spec.momentum);
        norm
    }

    /// A second handle on the same layer.
    pub(crate) fn twin(&self) -> Self {
        let [weight, bias, running_mean, running_var, batches] =
            [&self.weight, &self.bias, &self.running_mean, &self.running_var, &self.batches]
                .map(Tensor::shallow_clone);
        Self { name: self.name.clone(), weight, bias, running_mean, running_var, batches, spec: self.spec }
    }

    /// What it is in a [`Graph`](graph::Graph).
    pub(crate) fn described(&self) -> graph::Norm {
        graph::Norm { name: self.name.clone(), eps: self.spec.eps }
    }

    /// Weight and bias of the one convolution that computes what a convolution and this normalisation do, in evaluation:
    /// norm(w x + b) = (w s) x + (b - mean) s + bias with s = weight / sqrt(var + eps). Computed in float64.
    pub(crate) fn folded_into(&self, weight: &Tensor, bias: &Tensor) -> (Tensor, Tensor) {
        let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
        let scale = double(&self.weight) / (double(&self.running_var) + self.spec.eps).sqrt();
        let folded = double(weight) * scale.view([-1, 1, 1, 1]);
        let bias = (double(bias) - double(&self.running_mean)) * scale + double(&self.bias);
        (folded.to_kind(weight.kind()), bias.to_kind(weight.kind()))
    }
}

impl Module for BatchNorm {
    /// Same shape as the input; with batch statistics it also moves the running ones.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        // How much of this batch enters the running statistics; none of it when they are what normalises.
        // One value alone has no variance, which would make the running one NaN: a last batch of one image, at 1 x 1.
        let alone = x.numel() as i64 <= x.size().get(1).copied().unwrap_or(0);
        let share = match mode {
            _ if alone => None,
            Mode::Train => Some(self.spec.momentum),
            Mode::MeasureNorm { before } => Some(1.0 / (f64::from(before) + 1.0)),
            Mode::TrainFixedNorm | Mode::Evaluate => None,
        };
        if share.is_some() {
            // The handle shares its storage with the registered buffer.
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            share.is_some(),
            share.unwrap_or(self.spec.momentum),
            self.spec.eps,
            true,
        )
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        graph.push(Op::Normalise(self.described()), &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor).unwrap()
    }

    #[test]
    fn measured_statistics_are_the_plain_mean_over_batches_and_fixed_ones_stay() {
        let norm = BatchNorm::new(&Variables::new().root(), 1, NormSpec::default());
        let batch = |values: [f32; 4]| Tensor::from_slice(&values).view([4, 1, 1, 1]);
        let batches = [batch([1.0, 2.0, 3.0, 4.0]), batch([0.0, 0.0, 2.0, 2.0]), batch([5.0, 5.0, 5.0, 9.0])];
        for (batch, before) in batches.iter().zip(0..) {
            let _ = norm.forward(batch, Mode::MeasureNorm { before });
        }
        // Means 2.5, 1 and 6; unbiased variances 5/3, 4/3 and 4.
        assert!((values(&norm.running_mean)[0] - 9.5 / 3.0).abs() < 1e-6);
        assert!((values(&norm.running_var)[0] - 7.0 / 3.0).abs() < 1e-6);
        // One image of one pixel has no variance: it is normalised like any other and measures nothing.
        let before = [&norm.running_mean, &norm.running_var].map(values);
        let fixed = norm.forward(&batches[0], Mode::TrainFixedNorm);
        assert_eq!(fixed, norm.forward(&batches[0], Mode::Evaluate));
        let alone = batches[0].narrow(0, 0, 1);
        assert_eq!(norm.forward(&alone, Mode::Train), norm.forward(&alone, Mode::Evaluate));
        assert_eq!(before, [&norm.running_mean, &norm.running_var].map(values));
    }
}
