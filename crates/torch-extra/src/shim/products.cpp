// A convolution whose weight's gradient is a product of two matrices: the gradients at all output positions, and what each
// of these reads of the input. oneDNN's own gradient of a weight sums over few positions at a time.

#include "guarded.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <tuple>
#include <vector>

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

// [N, C, H, W] -> [N H W, C], a view of what lies channels last.
Tensor positions(const Tensor &x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

// What a kernel reads at each position of `output`: [N H' W', h w C].
Tensor patches(const Tensor &x, at::IntArrayRef kernel, at::IntArrayRef padding, at::IntArrayRef stride,
               at::IntArrayRef output) {
  const auto padded = at::constant_pad_nd(x, {padding[1], padding[1], padding[0], padding[0]}).contiguous(channels_last);
  const int64_t images = x.size(0), channels = x.size(1);
  const int64_t image = padded.stride(0), row = padded.stride(2), column = padded.stride(3);
  const auto read = padded.as_strided({images, output[2], output[3], kernel[0], kernel[1], channels},
                                      {image, row * stride[0], column * stride[1], row, column, 1});
  return read.reshape({images * output[2] * output[3], kernel[0] * kernel[1] * channels});
}

// Every so many rows and columns.
Tensor thinned(const Tensor &x, at::IntArrayRef stride) {
  return x.slice(2, 0, std::nullopt, stride[0]).slice(3, 0, std::nullopt, stride[1]);
}

Tensor convolve(const Tensor &x, const Tensor &weight, at::IntArrayRef padding, at::IntArrayRef stride) {
  return at::convolution(x, weight, {}, stride, padding, {1, 1}, false, {0, 0}, 1);
}

// The last two arguments of `forward` are no tensors.
variable_list gradients(Tensor x, Tensor weight) { return {std::move(x), std::move(weight), Tensor(), Tensor()}; }

// With a kernel of more than one pixel.
struct ByPatches : torch::autograd::Function<ByPatches> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, std::vector<int64_t> padding,
                        std::vector<int64_t> stride) {
    context->save_for_backward({x, weight});
    context->saved_data["padding"] = padding;
    context->saved_data["stride"] = stride;
    return convolve(x, weight, padding, stride);
  }

  static variable_list backward(AutogradContext *context, variable_list outputs) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto padding = context->saved_data["padding"].toIntVector(), stride = context->saved_data["stride"].toIntVector();
    const auto gradient = outputs[0].contiguous(channels_last);
    const auto kernel = weight.sizes().slice(2);
    const auto product = positions(gradient).t().mm(patches(x, kernel, padding, stride, gradient.sizes()));
    const auto of_weight = product.view({weight.size(0), kernel[0], kernel[1], weight.size(1)}).permute({0, 3, 1, 2});
    Tensor of_x;
    if (context->needs_input_grad(0))
      of_x = std::get<0>(at::convolution_backward(gradient, x, weight, at::OptionalIntArrayRef(), stride, padding, {1, 1},
                                                  false, {0, 0}, 1, {true, false, false}));
    return gradients(of_x, of_weight);
  }
};

// With a kernel of one pixel: all three products are of the positions that it reads.
struct ByPixels : torch::autograd::Function<ByPixels> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, std::vector<int64_t> shape,
                        std::vector<int64_t> stride) {
    const auto read = thinned(x, stride).contiguous(channels_last);
    context->save_for_backward({read, weight});
    context->saved_data["shape"] = shape;
    context->saved_data["stride"] = stride;
    return convolve(read, weight, {0, 0}, {1, 1});
  }

  static variable_list backward(AutogradContext *context, variable_list outputs) {
    const auto saved = context->get_saved_variables();
    const auto &read = saved[0], &weight = saved[1];
    const auto gradient = positions(outputs[0].contiguous(channels_last));
    const auto of_weight = gradient.t().mm(positions(read)).view_as(weight);
    Tensor of_x;
    if (context->needs_input_grad(0)) {
      const auto of_read = gradient.mm(weight.flatten(1));
      const auto stride = context->saved_data["stride"].toIntVector(), shape = context->saved_data["shape"].toIntVector();
      const auto image = of_read.view({read.size(0), read.size(2), read.size(3), read.size(1)}).permute({0, 3, 1, 2});
      if (shape == read.sizes()) {
        of_x = image;
      } else {
        of_x = at::zeros(shape, read.options().memory_format(channels_last));
        thinned(of_x, stride).copy_(image);
      }
    }
    return gradients(of_x, of_weight);
  }
};

} // namespace

extern "C" {

// conv(x) in bfloat16 on a CPU.
char *extra_convolution_by_products(const Tensor *x, const Tensor *weight, const int64_t *padding, const int64_t *stride,
                                    Tensor **out) {
  return guarded([&] {
    // Both casts are recorded, so that gradients are handed on in the type that each of them had.
    const auto input = x->to(at::kBFloat16).contiguous(channels_last);
    const auto filter = weight->to(at::kBFloat16);
    const std::vector<int64_t> padded(padding, padding + 2), strided(stride, stride + 2);
    const bool pixels = weight->size(2) == 1 && weight->size(3) == 1;
    *out = new Tensor(pixels ? ByPixels::apply(input, filter, input.sizes().vec(), strided)
                             : ByPatches::apply(input, filter, padded, strided));
  });
}
}
