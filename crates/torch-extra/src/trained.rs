//! A convolution whose weights are trained: the same numbers as `conv2d`'s, and where a CPU computes in bfloat16, the
//! gradient of the weights as one product of matrices.
//!
//! oneDNN's own gradient of a weight goes over a map row by row. Where maps are small, as in the last stages of a network, a
//! product of all positions at once took a quarter to two thirds of its time. Where a kernel is one pixel, the gradients of
//! input and weight together became 1.05 to 3 times as fast.

use tch::{Device, Kind, Tensor};

use crate::autocast;
use crate::convolution::onednn_computes;
use crate::shim::{extra_convolution_by_products, made};

/// Positions of a map, at most, for which it pays to write out what a kernel of several pixels reads at each.
const SMALL_MAP: i64 = 64;

/// Channels on either side, at least, that make a product over the pixels of a large map worth it.
const MANY_CHANNELS: i64 = 64;

/// conv(x) + bias: `[N, in, H, W]` by `weight` `[out, in / groups, height, width]` -> `[N, out, H', W']`.
///
/// # Panics
/// When the shapes do not fit, as `conv2d` of tch does.
pub fn convolution(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    [padding, stride]: [[i64; 2]; 2],
    groups: i64,
) -> Tensor {
    let short = weight.requires_grad()
        && x.device() == Device::Cpu
        && autocast::on_cpu() == Some(Kind::BFloat16)
        && onednn_computes(Kind::BFloat16);
    if !(short && groups == 1 && pays(&x.size(), &weight.size(), padding, stride)) {
        return x.conv2d(weight, bias, stride, padding, [1, 1], groups);
    }
    let x = by_products(x, weight, padding, stride);
    match bias {
        Some(bias) => x + bias.to_kind(Kind::BFloat16).view([1, -1, 1, 1]),
        None => x,
    }
}

/// conv(x) in bfloat16 on a CPU, of one group; a kernel of one pixel takes no padding.
fn by_products(x: &Tensor, weight: &Tensor, padding: [i64; 2], stride: [i64; 2]) -> Tensor {
    let product = made(|out| {
        // SAFETY: both tensors and the arrays of two live for the time of the call.
        unsafe {
            extra_convolution_by_products(x.as_ptr(), weight.as_ptr(), padding.as_ptr(), stride.as_ptr(), out)
        }
    });
    product.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether products are the faster way, as measured with the convolutions of the zoo in batches of 4 to 64.
fn pays(x: &[i64], weight: &[i64], padding: [i64; 2], stride: [i64; 2]) -> bool {
    let (&[_, _, height, width], &[output, input, tall, wide]) = (x, weight) else { return false };
    if [tall, wide] == [1, 1] {
        return padding == [0, 0] && input.min(output) >= MANY_CHANNELS;
    }
    let side =
        |size: i64, kernel: i64, place: usize| (size + 2 * padding[place] - kernel) / stride[place] + 1;
    side(height, tall, 0) * side(width, wide, 1) <= SMALL_MAP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autocast::Autocast;
    use crate::layout::channels_last;

    /// The output of a convolution, and the gradients of x and weight for one and the same gradient of it.
    fn gradients(
        x: &Tensor,
        weight: &Tensor,
        kind: Kind,
        by: impl Fn(&Tensor, &Tensor) -> Tensor,
    ) -> [Tensor; 3] {
        let leaf = |tensor: &Tensor| channels_last(&tensor.detach()).copy().set_requires_grad(true);
        let (x, weight) = (leaf(x), leaf(weight));
        let y = {
            let _short = Autocast::begin(Device::Cpu, kind);
            by(&x, &weight).to_kind(Kind::Float)
        };
        tch::manual_seed(9);
        (&y * Tensor::randn(y.size(), (Kind::Float, Device::Cpu))).sum(Kind::Float).backward();
        [y.detach(), x.grad(), weight.grad()]
    }

    #[test]
    fn products_give_the_gradients_of_a_convolution() {
        let cpu = (Kind::Float, Device::Cpu);
        let cases = [
            // Kernel, padding, stride, side.
            ([1, 1], [0, 0], [1, 1], 14),
            ([1, 1], [0, 0], [2, 2], 14),
            ([1, 1], [0, 0], [2, 2], 7),
            ([3, 3], [1, 1], [1, 1], 7),
            ([3, 3], [1, 1], [2, 2], 14),
            ([1, 7], [0, 3], [1, 1], 8),
            ([5, 3], [2, 0], [1, 2], 8),
        ];
        for (kernel, padding, stride, side) in cases {
            tch::manual_seed(8);
            let x = Tensor::randn([3, 64, side, side], cpu);
            let weight = Tensor::randn([96, 64, kernel[0], kernel[1]], cpu) / 8.0;
            assert!(pays(&x.size(), &weight.size(), padding, stride));
            let plain =
                |x: &Tensor, weight: &Tensor| x.conv2d(weight, None::<Tensor>, stride, padding, [1, 1], 1);
            let ours = |x: &Tensor, weight: &Tensor| by_products(x, weight, padding, stride);
            let exact = gradients(&x, &weight, Kind::Float, plain);
            let short = gradients(&x, &weight, Kind::BFloat16, plain);
            let products = gradients(&x, &weight, Kind::BFloat16, ours);
            for (place, name) in ["output", "x", "weight"].into_iter().enumerate() {
                let apart = |other: &Tensor| {
                    ((other - &exact[place]).abs().max() / exact[place].abs().max()).double_value(&[])
                };
                // As near as bfloat16 comes otherwise, give or take a rounding.
                let (ours, theirs) = (apart(&products[place]), apart(&short[place]));
                assert!(
                    ours < 2.0 * theirs + 2e-3,
                    "{name} of {kernel:?} at {side}: {ours}, conv2d {theirs}"
                );
                assert_eq!(products[place].size(), exact[place].size());
            }
        }
    }

    #[test]
    fn a_bias_is_added_and_learns_whichever_way_is_taken() {
        let cpu = (Kind::Float, Device::Cpu);
        let x = Tensor::ones([2, 64, 7, 7], cpu);
        let weight = Tensor::zeros([64, 64, 1, 1], cpu).set_requires_grad(true);
        let bias = Tensor::full([64], 0.5, cpu).set_requires_grad(true);
        let _short = Autocast::begin(Device::Cpu, Kind::BFloat16);
        let y = convolution(&x, &weight, Some(&bias), [[0, 0], [1, 1]], 1);
        assert_eq!(y.kind(), Kind::BFloat16);
        y.sum(Kind::Float).backward();
        assert!(y.eq(0.5).all().int64_value(&[]) == 1 && bias.grad().eq(98.0).all().int64_value(&[]) == 1);
    }
}
