//! Convolution, bias, activation and sum in one pass over memory: what `torch.compile` turns a frozen network into.
//!
//! oneDNN has these operators on CPU, for float32 and bfloat16; libtorch registers them as `mkldnn::_convolution_pointwise`
//! for its compiler's use. Elsewhere the same is computed in separate steps.

use std::cell::RefCell;
use std::ffi::CStr;

use tch::{Device, Kind, Tensor};

use crate::layout::channels_last;
use crate::shim::{
    checked, extra_convolution, extra_has_mkldnn, extra_has_mkldnn_bf16, extra_reorder_convolution, made,
};

/// What follows the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointwise {
    /// Nothing.
    Identity,
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x · sigmoid(x).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// x · relu6(x + 3) / 6.
    HardSwish,
    /// x · Φ(x), not its approximation.
    Gelu,
}

/// A convolution whose weights are constant.
#[derive(Debug)]
pub struct FusedConvolution {
    weight: RefCell<Weight>,
    /// `[out]`.
    bias: Tensor,
    padding: [i64; 2],
    stride: [i64; 2],
    groups: i64,
    pointwise: Pointwise,
    onednn: bool,
}

/// `[out, in / groups, height, width]`.
#[derive(Debug)]
struct Weight {
    tensor: Tensor,
    /// The images `[in, H, W]` that oneDNN has laid it out for; none yet, or oneDNN does not compute.
    laid_for: Option<[i64; 3]>,
}

impl FusedConvolution {
    /// A convolution by `weight` `[out, in / groups, height, width]` with `bias` `[out]`, which compute in `kind`.
    ///
    /// # Panics
    /// When libtorch refuses the shapes.
    #[must_use]
    pub fn new(
        weight: &Tensor,
        bias: &Tensor,
        kind: Kind,
        [padding, stride]: [[i64; 2]; 2],
        groups: i64,
        pointwise: Pointwise,
    ) -> Self {
        let weight = weight.detach().to_kind(kind);
        let bias = bias.detach().to_kind(kind);
        let onednn = weight.device() == Device::Cpu && onednn_computes(kind);
        let weight = RefCell::new(Weight { tensor: channels_last(&weight), laid_for: None });
        Self { weight, bias, padding, stride, groups, pointwise, onednn }
    }

    /// pointwise(conv(x) + bias): `[N, in, H, W]` -> `[N, out, H', W']`; no gradient is recorded.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        if self.onednn { self.fused(x, None) } else { self.pointwise.apply_in_place(self.convolve(x)) }
    }

    /// pointwise(conv(x) + bias + skip).
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn forward_add(&self, x: &Tensor, skip: &Tensor) -> Tensor {
        // After a sum the library knows ReLU alone, and a side of one position has no layout that it can tell.
        let fits = matches!(self.pointwise, Pointwise::Identity | Pointwise::Relu)
            && !skip.size().iter().skip(2).any(|&side| side == 1);
        if self.onednn && fits {
            self.fused(x, Some(skip))
        } else {
            self.pointwise.apply_in_place(self.convolve(x).g_add_(skip))
        }
    }

    fn convolve(&self, x: &Tensor) -> Tensor {
        if self.onednn {
            return self.call(x, None, Pointwise::Identity);
        }
        let weight = &self.weight.borrow().tensor;
        x.conv2d(weight, Some(&self.bias), self.stride, self.padding, [1, 1], self.groups)
    }

    fn fused(&self, x: &Tensor, skip: Option<&Tensor>) -> Tensor {
        self.call(x, skip, self.pointwise)
    }

    /// The weight in the layout that oneDNN computes images of this size with: another would be reordered in every call,
    /// which on some processors takes as long as the convolution. The number of images makes no difference.
    fn weight_for(&self, x: &Tensor) -> Tensor {
        let mut weight = self.weight.borrow_mut();
        let &[_, channels, height, width] = &x.size()[..] else {
            panic!("a convolution takes [N, C, H, W], not {:?}", x.size())
        };
        let size = [channels, height, width];
        if weight.laid_for != Some(size) {
            let plain = match weight.laid_for {
                Some(_) => weight.tensor.to_dense(None::<Kind>, false),
                None => weight.tensor.shallow_clone(),
            };
            weight.tensor = self.reordered(&plain, &x.size());
            weight.laid_for = Some(size);
        }
        weight.tensor.shallow_clone()
    }

    fn reordered(&self, weight: &Tensor, input: &[i64]) -> Tensor {
        let outcome = made(|out| {
            // SAFETY: the tensor, the arrays of two and the size live for the time of the call.
            unsafe {
                extra_reorder_convolution(
                    weight.as_ptr(),
                    self.padding.as_ptr(),
                    self.stride.as_ptr(),
                    self.groups,
                    input.as_ptr(),
                    input.len(),
                    out,
                )
            }
        });
        outcome.unwrap_or_else(|error| panic!("{error}"))
    }

    fn call(&self, x: &Tensor, skip: Option<&Tensor>, pointwise: Pointwise) -> Tensor {
        let x = channels_last(x);
        let weight = self.weight_for(&x);
        let skip = skip.map(channels_last);
        let skip = skip.as_ref().map_or(std::ptr::null(), |skip| skip.as_ptr());
        let (name, values) = pointwise.onednn();
        let algorithm = if pointwise == Pointwise::Gelu { c"none".as_ptr() } else { std::ptr::null() };
        let outcome = made(|out| {
            // SAFETY: tensors, arrays of two and texts live for the time of the call; a null skip or algorithm means none.
            unsafe {
                extra_convolution(
                    x.as_ptr(),
                    skip,
                    weight.as_ptr(),
                    self.bias.as_ptr(),
                    self.padding.as_ptr(),
                    self.stride.as_ptr(),
                    self.groups,
                    name.as_ptr(),
                    values.as_ptr(),
                    values.len(),
                    algorithm,
                    out,
                )
            }
        });
        outcome.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Whether oneDNN has convolutions in this type for this processor. bfloat16 takes AVX-512 or its like; elsewhere libtorch
/// computes it by other means, many times slower than float32.
#[must_use]
pub fn onednn_computes(kind: Kind) -> bool {
    // SAFETY: it takes nothing and reads two flags.
    let is_there = unsafe { extra_has_mkldnn() };
    match kind {
        Kind::Float => is_there,
        Kind::BFloat16 => {
            let mut has = false;
            // SAFETY: the flag lives for the time of the call.
            is_there && checked(unsafe { extra_has_mkldnn_bf16(&raw mut has) }).is_ok() && has
        }
        _ => false,
    }
}

impl Pointwise {
    /// Applies it to every element.
    pub fn apply(self, x: Tensor) -> Tensor {
        match self {
            Self::Identity => x,
            Self::Relu => x.relu(),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Silu => x.silu(),
            Self::Tanh => x.tanh(),
            Self::HardSwish => x.hardswish(),
            Self::Gelu => x.gelu("none"),
        }
    }

    /// The same in the memory of a tensor that nobody else holds.
    fn apply_in_place(self, mut x: Tensor) -> Tensor {
        match self {
            Self::Identity => x,
            Self::Relu => x.relu_(),
            Self::Relu6 => x.clamp_(0.0, 6.0),
            Self::Silu => x.silu_(),
            Self::Tanh => x.tanh_(),
            Self::HardSwish => x.hardswish_(),
            Self::Gelu => x.gelu_("none"),
        }
    }

    /// The library's name for it, and its numbers.
    fn onednn(self) -> (&'static CStr, &'static [f64]) {
        match self {
            Self::Identity => (c"", &[]),
            Self::Relu => (c"relu", &[]),
            Self::Relu6 => (c"hardtanh", &[0.0, 6.0]),
            Self::Silu => (c"swish", &[]),
            Self::Tanh => (c"tanh", &[]),
            Self::HardSwish => (c"hardswish", &[]),
            Self::Gelu => (c"gelu", &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfloat16_computes_on_every_processor() {
        tch::manual_seed(5);
        let cpu = (Kind::Float, Device::Cpu);
        let (x, weight) = (Tensor::randn([2, 8, 7, 7], cpu), Tensor::randn([4, 8, 3, 3], cpu));
        let bias = Tensor::randn([4], cpu);
        let pads = [[1, 1], [1, 1]];
        let of = |kind| FusedConvolution::new(&weight, &bias, kind, pads, 1, Pointwise::Relu);
        let short = of(Kind::BFloat16).forward(&x.to_kind(Kind::BFloat16)).to_kind(Kind::Float);
        let exact = of(Kind::Float).forward(&x);
        let apart = ((short - &exact).abs().max() / exact.abs().max()).double_value(&[]);
        assert!(apart > 0.0 && apart < 0.02, "{apart}");
    }

    #[test]
    fn fused_is_the_same_as_step_by_step() {
        tch::manual_seed(3);
        let cpu = (Kind::Float, Device::Cpu);
        let cases = [
            (1, 1, 3, 9),
            (1, 2, 3, 9),
            (4, 1, 3, 9),
            (16, 2, 3, 9),
            (1, 1, 1, 9),
            (1, 2, 3, 2),
            (1, 1, 1, 1),
        ];
        for (groups, stride, batch, side) in cases {
            let x = Tensor::randn([batch, 16, side, side], cpu);
            let weight = Tensor::randn([32, 16 / groups, 3, 3], cpu);
            let bias = Tensor::randn([32], cpu);
            let plain = x.conv2d(&weight, Some(&bias), [stride, stride], [1, 1], [1, 1], groups);
            let skip = plain.randn_like();
            use Pointwise::{Gelu, HardSwish, Identity, Relu, Relu6, Silu, Tanh};
            for pointwise in [Identity, Relu, Relu6, Silu, Tanh, HardSwish, Gelu] {
                let fused = FusedConvolution::new(
                    &weight,
                    &bias,
                    Kind::Float,
                    [[1, 1], [stride, stride]],
                    groups,
                    pointwise,
                );
                let before = skip.copy();
                let pairs = [
                    (fused.forward(&x), pointwise.apply(plain.copy())),
                    (fused.forward_add(&x, &skip), pointwise.apply(&plain + &skip)),
                ];
                for (ours, theirs) in pairs {
                    let apart = (ours - &theirs).abs().max() / theirs.abs().max();
                    assert!(
                        apart.double_value(&[]) < 1e-5,
                        "{pointwise:?}, {groups} groups, stride {stride}, side {side}"
                    );
                }
                assert_eq!(skip, before, "the shortcut is not to be changed");
            }
        }
    }
}
