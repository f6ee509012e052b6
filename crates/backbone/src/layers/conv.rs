use graph::{Convolution, Graph, Op, Value, Window};
use tch::{Kind, Tensor};
use torch_extra::convolution::{FusedConvolution, Pointwise};
use torch_extra::trained;

use super::init::ConvInit;
use super::norm::{BatchNorm, NormSpec};
use crate::module::{Mode, Module};
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// The function after a convolution.
pub type Activation = Pointwise;

/// A convolution's geometry, to be read like the paper: `Conv::new(3, 64, 7).stride(2).padding(3)`.
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    input: i64,
    output: i64,
    kernel: [i64; 2],
    stride: i64,
    padding: [i64; 2],
    trailing: i64,
    groups: i64,
    init: ConvInit,
    activation: Activation,
    norm: NormSpec,
}

impl Conv {
    /// `input` to `output` channels with a square kernel; stride 1, no padding, followed by ReLU.
    #[must_use]
    pub fn new(input: i64, output: i64, kernel: i64) -> Self {
        Self::rectangular(input, output, [kernel, kernel])
    }

    /// The same with a kernel of height x width, `[1, 7]`.
    #[must_use]
    pub fn rectangular(input: i64, output: i64, kernel: [i64; 2]) -> Self {
        Self {
            input,
            output,
            kernel,
            stride: 1,
            padding: [0, 0],
            trailing: 0,
            groups: 1,
            init: ConvInit::TorchDefault,
            activation: Activation::Relu,
            norm: NormSpec::default(),
        }
    }

    /// Pixels from one output position to the next.
    #[must_use]
    pub fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    /// Zeros around the input, the same on all sides.
    #[must_use]
    pub fn padding(self, padding: i64) -> Self {
        Self { padding: [padding, padding], ..self }
    }

    /// As many zeros as keep the size at stride 1.
    #[must_use]
    pub fn same(self) -> Self {
        Self { padding: self.kernel.map(|side| (side - 1) / 2), ..self }
    }

    /// What TensorFlow calls `SAME`, for strides of 1 and 2: where the stride divides a side, `kernel - stride` zeros in all,
    /// the odd one below and on the right; where it does not, one more above and on the left.
    #[must_use]
    pub fn tensorflow_same(self) -> Self {
        let zeros = self.kernel.map(|side| side - self.stride);
        Self { padding: zeros.map(|zeros| zeros / 2), trailing: zeros[0] % 2, ..self }
    }

    /// Groups of channels that do not see each other.
    #[must_use]
    pub fn groups(self, groups: i64) -> Self {
        Self { groups, ..self }
    }

    /// How the weights start.
    #[must_use]
    pub fn init(self, init: ConvInit) -> Self {
        Self { init, ..self }
    }

    /// What follows the convolution (and the normalisation).
    #[must_use]
    pub fn activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Numbers of the batch-norm that follows.
    #[must_use]
    pub fn norm(self, norm: NormSpec) -> Self {
        Self { norm, ..self }
    }

    /// The convolution with a bias and no normalisation, its variables below `path`.
    #[must_use]
    pub fn biased(self, path: &Path) -> ConvNorm {
        let (weight, bias) = (self.weight(path), self.bias(path));
        ConvNorm::new(path, self, weight, Some(bias), None)
    }

    /// The convolution alone, without a bias: where normalisation comes before it.
    #[must_use]
    pub fn alone(self, path: &Path) -> ConvNorm {
        let weight = self.weight(path);
        ConvNorm::new(path, self, weight, None, None)
    }

    /// The convolution without a bias, below `path`, and batch-norm, below `norm`.
    #[must_use]
    pub fn normed(self, path: &Path, norm: &Path) -> ConvNorm {
        let weight = self.weight(path);
        ConvNorm::new(path, self, weight, None, Some(BatchNorm::new(norm, self.output, self.norm)))
    }

    /// The convolution with a bias, below `path`, and batch-norm, below `norm`: VGG.
    #[must_use]
    pub fn biased_and_normed(self, path: &Path, norm: &Path) -> ConvNorm {
        let (weight, bias) = (self.weight(path), self.bias(path));
        let norm = BatchNorm::new(norm, self.output, self.norm);
        ConvNorm::new(path, self, weight, Some(bias), Some(norm))
    }

    fn weight(&self, path: &Path) -> Tensor {
        path.random("weight", &self.shape(), self.init.weight(self.shape()))
    }

    fn bias(&self, path: &Path) -> Tensor {
        path.random("bias", &[self.output], self.init.bias(self.shape()))
    }

    /// Zeros on the left and above that a side of this extent takes more than [`Conv::padding`] says.
    fn leading(&self, side: i64) -> i64 {
        if self.trailing == 0 { 0 } else { side % self.stride }
    }

    /// Of the weight, `[out, in / groups, height, width]`.
    fn shape(&self) -> [i64; 4] {
        let [height, width] = self.kernel;
        [self.output, self.input / self.groups, height, width]
    }
}

/// Convolution, normalisation, activation: the only way a family writes a convolution, so that speed needs no change in
/// any family.
#[derive(Debug)]
pub struct ConvNorm {
    name: String,
    conv: Conv,
    weight: Tensor,
    bias: Option<Tensor>,
    norm: Option<BatchNorm>,
    /// All of that in one operation, while the weights are constant.
    fused: Slot<FusedConvolution>,
}

impl ConvNorm {
    fn new(path: &Path, conv: Conv, weight: Tensor, bias: Option<Tensor>, norm: Option<BatchNorm>) -> Self {
        let layer = Self { name: path.name().to_owned(), conv, weight, bias, norm, fused: Slot::default() };
        path.can_be_prepared(layer.twin());
        layer
    }

    /// A second handle on the same layer.
    fn twin(&self) -> Self {
        Self {
            name: self.name.clone(),
            conv: self.conv,
            weight: self.weight.shallow_clone(),
            bias: self.bias.as_ref().map(Tensor::shallow_clone),
            norm: self.norm.as_ref().map(BatchNorm::twin),
            fused: self.fused.clone(),
        }
    }

    /// norm(conv(x)), before the activation: `[N, in, H, W]` -> `[N, out, H', W']`.
    pub fn branch(&self, x: &Tensor, mode: Mode) -> Tensor {
        let Conv { stride, padding, groups, .. } = self.conv;
        let x = self.padded(x);
        let geometry = [padding, [stride, stride]];
        let x = trained::convolution(&x, &self.weight, self.bias.as_ref(), geometry, groups);
        match &self.norm {
            Some(norm) => norm.forward(&x, mode),
            None => x,
        }
    }

    /// The input with the zeros that depend on its size, or lie on one side alone.
    fn padded(&self, x: &Tensor) -> Tensor {
        match (self.conv.trailing, &x.size()[..]) {
            (0, _) => x.shallow_clone(),
            (trailing, &[.., height, width]) => {
                let [top, left] = [height, width].map(|side| self.conv.leading(side));
                x.constant_pad_nd([left, trailing, top, trailing])
            }
            _ => x.shallow_clone(),
        }
    }

    /// activation(norm(conv(x)) + skip): the end of a residual block.
    pub fn forward_add(&self, x: &Tensor, skip: &Tensor, mode: Mode) -> Tensor {
        let fused = self.fused.with(mode, |fused| fused.forward_add(&self.padded(x), skip));
        fused.unwrap_or_else(|| self.conv.activation.apply(self.branch(x, mode) + skip))
    }

    /// Describes [`ConvNorm::branch`].
    fn describe_branch(&self, graph: &mut Graph, x: Value) -> Value {
        let Conv { output, kernel, stride, padding, trailing, groups, .. } = self.conv;
        let sides = [1, 2].map(|axis| graph.shape(x).get(axis).copied().unwrap_or(0));
        let leading = sides.map(|side| self.conv.leading(side));
        let op = Convolution {
            weight: format!("{}.weight", self.name),
            bias: self.bias.as_ref().map(|_| format!("{}.bias", self.name)),
            norm: self.norm.as_ref().map(BatchNorm::described),
            output,
            groups,
            window: Window {
                kernel,
                stride,
                before: [padding[0] + leading[0], padding[1] + leading[1]],
                after: padding.map(|zeros| zeros + trailing),
            },
        };
        graph.push(Op::Convolution(op), &[x])
    }

    /// Describes [`ConvNorm::forward_add`].
    pub fn describe_add(&self, graph: &mut Graph, x: Value, skip: Value) -> Value {
        let x = self.describe_branch(graph, x);
        let sum = graph.push(Op::Add, &[x, skip]);
        self.conv.activation.describe(graph, sum)
    }

    /// The normalisation, for families that start it in a way of their own.
    #[must_use]
    pub fn batch_norm(&self) -> Option<&BatchNorm> {
        self.norm.as_ref()
    }
}

impl Module for ConvNorm {
    /// activation(norm(conv(x))): `[N, in, H, W]` -> `[N, out, H', W']`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let fused = self.fused.with(mode, |fused| fused.forward(&self.padded(x)));
        fused.unwrap_or_else(|| self.conv.activation.apply(self.branch(x, mode)))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let x = self.describe_branch(graph, x);
        self.conv.activation.describe(graph, x)
    }
}

impl Prepare for ConvNorm {
    fn prepare(&self, kind: Kind) {
        let Conv { stride, padding, groups, activation, .. } = self.conv;
        let zero = Tensor::zeros([self.conv.output], (self.weight.kind(), self.weight.device()));
        let bias = self.bias.as_ref().unwrap_or(&zero);
        let (weight, bias) = match &self.norm {
            Some(norm) => norm.folded_into(&self.weight, bias),
            None => (self.weight.shallow_clone(), bias.shallow_clone()),
        };
        let geometry = [padding, [stride, stride]];
        self.fused.put(Some(FusedConvolution::new(&weight, &bias, kind, geometry, groups, activation)));
    }

    fn forget(&self) {
        self.fused.put(None);
    }
}
