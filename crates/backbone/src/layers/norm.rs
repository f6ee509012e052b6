use tch::{Device, Kind, Tensor};

use crate::stage::{Mode, Module};
use crate::variables::Path;

/// Numbers of a batch-norm; the defaults are `torch.nn.BatchNorm2d`'s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormSpec {
    /// Added to the variance.
    pub eps: f64,
    /// Share of a batch in the running statistics.
    pub momentum: f64,
}

impl Default for NormSpec {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: 0.1 }
    }
}

/// Batch normalisation over the channels (Ioffe and Szegedy 2015), with the variables of `torch.nn.BatchNorm2d`.
#[derive(Debug)]
pub struct BatchNorm {
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
        Self {
            weight: path.parameter("weight", Tensor::ones([channels], cpu)),
            bias: path.parameter("bias", Tensor::zeros([channels], cpu)),
            running_mean: path.buffer("running_mean", Tensor::zeros([channels], cpu)),
            running_var: path.buffer("running_var", Tensor::ones([channels], cpu)),
            batches: path.buffer("num_batches_tracked", Tensor::zeros([], (Kind::Int64, Device::Cpu))),
            spec,
        }
    }

    /// A second handle on the same layer.
    pub(crate) fn twin(&self) -> Self {
        let [weight, bias, running_mean, running_var, batches] =
            [&self.weight, &self.bias, &self.running_mean, &self.running_var, &self.batches]
                .map(Tensor::shallow_clone);
        Self { weight, bias, running_mean, running_var, batches, spec: self.spec }
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
    /// Same shape as the input; in training it also moves the running statistics.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let train = mode == Mode::Train;
        if train {
            // The handle shares its storage with the registered buffer.
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            train,
            self.spec.momentum,
            self.spec.eps,
            true,
        )
    }
}
