// What libtorch has and tch leaves out, as C functions. Each returns null, or what went wrong as text that the caller
// gives back to `extra_free`: an exception must not reach Rust. Tensors are `at::Tensor *`, as in torch-sys; those handed
// out belong to the caller.

#include "guarded.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

using at::Tensor;

namespace {

std::vector<Tensor> list(Tensor *const *tensors, size_t count) {
  std::vector<Tensor> all;
  all.reserve(count);
  for (size_t i = 0; i < count; i++)
    all.push_back(*tensors[i]);
  return all;
}

std::optional<Tensor> optional(const Tensor *tensor) {
  return tensor ? std::optional<Tensor>(*tensor) : std::nullopt;
}

// Calls an operator that has no C++ function of its own, by name.
Tensor call(const char *name, const char *overload, torch::jit::Stack stack) {
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
  op.callBoxed(&stack);
  return stack.at(0).toTensor();
}

c10::List<int64_t> pair(const int64_t *two) {
  return c10::List<int64_t>({two[0], two[1]});
}

c10::IValue scalars(const double *values, size_t count) {
  c10::impl::GenericList list(c10::OptionalType::create(c10::NumberType::get()));
  for (size_t i = 0; i < count; i++)
    list.push_back(c10::IValue(values[i]));
  return list;
}

at::Device device(bool cuda, int index) {
  return cuda ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index)) : at::Device(at::kCPU);
}

c10::IValue text(const char *text) {
  return text[0] ? c10::IValue(std::string(text)) : c10::IValue();
}

} // namespace

extern "C" {

void extra_free(char *text) { std::free(text); }

char *extra_channels_last(const Tensor *x, Tensor **out) {
  return guarded([&] { *out = new Tensor(x->contiguous(at::MemoryFormat::ChannelsLast)); });
}

char *extra_empty_images(const int64_t *shape, bool channels_last, bool pinned, Tensor **out) {
  return guarded([&] {
    const auto format = channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    const auto options = at::TensorOptions().dtype(at::kFloat).pinned_memory(pinned);
    *out = new Tensor(at::empty(at::IntArrayRef(shape, 4), options, format));
  });
}

// tch's own function names the device, which libtorch has come to warn of.
char *extra_pinned(const Tensor *x, Tensor **out) {
  return guarded([&] { *out = new Tensor(x->pin_memory()); });
}

bool extra_is_channels_last(const Tensor *x) {
  return x->is_contiguous(at::MemoryFormat::ChannelsLast);
}

// The flag belongs to a thread. Those that libtorch computes with have begun already: each goes over one place of a loop.
char *extra_flush_denormals(bool flush) {
  return guarded([&] {
    at::Context::setFlushDenormal(flush);
    auto places = at::empty({at::get_num_threads()}, at::kByte);
    auto loop = at::TensorIterator::nullary_op(places);
    loop.for_each([flush](char **, const int64_t *, int64_t, int64_t) { at::Context::setFlushDenormal(flush); },
                  /*grain_size=*/1);
  });
}

void extra_deterministic(bool deterministic) {
  auto &context = at::globalContext();
  context.setDeterministicAlgorithms(deterministic, /*warn_only=*/true);
  // What is read before it is written would be a bug, and not one to pay for by filling all memory with NaN.
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(deterministic);
  context.setBenchmarkCuDNN(!deterministic);
}

// Of convolutions and matrix products of float32 on a GPU.
char *extra_tf32(bool round) {
  return guarded([&] {
    at::globalContext().setAllowTF32CuDNN(round);
    at::globalContext().setAllowTF32CuBLAS(round);
  });
}

bool extra_is_deterministic() { return at::globalContext().deterministicAlgorithms(); }

// The state of a device's random generator, as a tensor of bytes.
char *extra_random_state(bool cuda, int index, Tensor **out) {
  return guarded([&] {
    auto generator = at::globalContext().defaultGenerator(device(cuda, index));
    const std::lock_guard<std::mutex> lock(generator.mutex());
    *out = new Tensor(generator.get_state());
  });
}

char *extra_set_random_state(bool cuda, int index, const Tensor *state) {
  return guarded([&] {
    auto generator = at::globalContext().defaultGenerator(device(cuda, index));
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(*state);
  });
}

// Random numbers from a generator of their own, whatever the process has drawn before.
char *extra_uniform(const int64_t *shape, size_t dims, bool wide, double bound, uint64_t seed, Tensor **out) {
  return guarded([&] {
    const auto generator = at::detail::createCPUGenerator(seed);
    const auto numbers = at::empty(at::IntArrayRef(shape, dims), wide ? at::kDouble : at::kFloat);
    *out = new Tensor(numbers.uniform_(-bound, bound, generator));
  });
}

char *extra_normal(const int64_t *shape, size_t dims, double deviation, uint64_t seed, Tensor **out) {
  return guarded([&] {
    const auto generator = at::detail::createCPUGenerator(seed);
    const auto numbers = at::empty(at::IntArrayRef(shape, dims), at::kFloat);
    *out = new Tensor(numbers.normal_(0.0, deviation, generator));
  });
}

// How libtorch was built and what it computes with here, as text.
char *extra_describe(char **out) {
  return guarded([&] { *out = strdup(at::show_config().c_str()); });
}

bool extra_has_mkldnn() { return at::globalContext().hasMKLDNN() && at::globalContext().userEnabledMkldnn(); }

// Whether oneDNN has bfloat16 kernels for this processor.
char *extra_has_mkldnn_bf16(bool *out) {
  return guarded([&] {
    const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "");
    torch::jit::Stack stack;
    op.callBoxed(&stack);
    *out = stack.at(0).toBool();
  });
}

// Turns autocast on or off for a kind of device; gives what was before.
char *extra_autocast(bool cuda, bool *enabled, int *type) {
  return guarded([&] {
    const auto device = cuda ? at::kCUDA : at::kCPU;
    const bool before = at::autocast::is_autocast_enabled(device);
    const auto type_before = at::autocast::get_autocast_dtype(device);
    at::autocast::set_autocast_enabled(device, *enabled);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(*type));
    *enabled = before;
    *type = static_cast<int>(type_before);
  });
}

// What operators that gain from it compute in on this thread on a CPU, as a number of c10/core/ScalarType.h; -1 without
// autocast.
int extra_autocast_on_cpu() {
  return at::autocast::is_autocast_enabled(at::kCPU) ? static_cast<int>(at::autocast::get_autocast_dtype(at::kCPU)) : -1;
}

void extra_autocast_forget() { at::autocast::clear_cache(); }

// tch can only fill it with zeros, to which the next gradient is then added.
char *extra_forget_gradient(Tensor *x) {
  return guarded([&] { x->mutable_grad() = Tensor(); });
}

char *extra_fused_sgd(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *momenta, size_t count,
                      double rate, double decay, double momentum, bool nesterov, bool first) {
  return guarded([&] {
    at::NoGradGuard no_gradient;
    at::_fused_sgd_(list(parameters, count), list(gradients, count), list(momenta, momentum == 0 ? 0 : count), decay,
                    momentum, rate, /*dampening=*/0.0, nesterov, /*maximize=*/false, first);
  });
}

char *extra_fused_adam(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *means,
                       Tensor *const *squares, Tensor *const *steps, size_t count, double rate, double beta1,
                       double beta2, double decay, double epsilon, bool decoupled) {
  return guarded([&] {
    at::NoGradGuard no_gradient;
    const auto self = list(parameters, count), gradient = list(gradients, count), mean = list(means, count),
               square = list(squares, count), step = list(steps, count);
    const std::vector<Tensor> none;
    if (decoupled)
      at::_fused_adamw_(self, gradient, mean, square, none, step, rate, beta1, beta2, decay, epsilon, false, false);
    else
      at::_fused_adam_(self, gradient, mean, square, none, step, rate, beta1, beta2, decay, epsilon, false, false);
  });
}

// torch.optim.RMSprop, not centred: libtorch has no fused form of it.
char *extra_foreach_rmsprop(Tensor *const *parameters, Tensor *const *gradients, Tensor *const *velocities,
                            Tensor *const *squares, size_t count, double rate, double alpha, double momentum,
                            double epsilon, double decay) {
  return guarded([&] {
    at::NoGradGuard no_gradient;
    const auto self = list(parameters, count), velocity = list(velocities, count), square = list(squares, count);
    auto gradient = list(gradients, count);
    if (decay != 0)
      gradient = at::_foreach_add(gradient, self, decay);
    at::_foreach_mul_(square, alpha);
    at::_foreach_addcmul_(square, gradient, gradient, 1 - alpha);
    auto root = at::_foreach_sqrt(square);
    at::_foreach_add_(root, epsilon);
    at::_foreach_mul_(velocity, momentum);
    at::_foreach_addcdiv_(velocity, gradient, root, 1);
    at::_foreach_add_(self, velocity, -rate);
  });
}

// Weights in the layout that oneDNN computes this convolution with.
char *extra_reorder_convolution(const Tensor *weight, const int64_t *padding, const int64_t *stride, int64_t groups,
                                const int64_t *input, size_t input_dims, Tensor **out) {
  return guarded([&] {
    const int64_t ones[2] = {1, 1};
    c10::IValue size;
    if (input_dims > 0)
      size = c10::List<int64_t>(at::IntArrayRef(input, input_dims));
    *out = new Tensor(call("mkldnn::_reorder_convolution_weight", "",
                           {*weight, pair(padding), pair(stride), pair(ones), groups, size}));
  });
}

// activation(conv(x) + bias), or activation(conv(x) + bias + skip).
char *extra_convolution(const Tensor *x, const Tensor *skip, const Tensor *weight, const Tensor *bias,
                        const int64_t *padding, const int64_t *stride, int64_t groups, const char *activation,
                        const double *values, size_t value_count, const char *algorithm, Tensor **out) {
  return guarded([&] {
    const int64_t ones[2] = {1, 1};
    const auto values_list = scalars(values, value_count);
    if (skip) {
      *out = new Tensor(call("mkldnn::_convolution_pointwise", "binary",
                             {*x, *skip, *weight, optional(bias), pair(padding), pair(stride), pair(ones), groups,
                              std::string("add"), c10::IValue(), text(activation), values_list, c10::IValue()}));
    } else {
      const std::string name = activation[0] ? activation : "none";
      *out = new Tensor(call("mkldnn::_convolution_pointwise", "",
                             {*x, *weight, optional(bias), pair(padding), pair(stride), pair(ones), groups, name,
                              values_list, algorithm ? c10::IValue(std::string(algorithm)) : c10::IValue()}));
    }
  });
}
}
