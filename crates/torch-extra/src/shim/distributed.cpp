// Several processes that compute together, on libtorch's own c10d: a store, Gloo, and the Reducer of
// DistributedDataParallel. Compiled apart from the rest, because reducer.hpp is heavy.

#include "guarded.h"

#include <ATen/ATen.h>

#include <cstdint>

#ifdef EXTRA_DISTRIBUTED

#include "group.h"

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using std::chrono::milliseconds;

namespace {

// Sums gradients. With a hook the Reducer copies them into buckets as they are; without one it divides them by the number of
// processes first. libtorch does not export its own hook of this kind.
class SumHook : public c10d::CppCommHookInterface<c10::intrusive_ptr<c10d::ProcessGroup>> {
 public:
  explicit SumHook(c10::intrusive_ptr<c10d::ProcessGroup> group) : CppCommHookInterface(std::move(group)) {}
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket &bucket) override {
    std::vector<at::Tensor> tensors{bucket.getBufferRef()};
    return state_->allreduce(tensors)->getFuture();
  }
};

c10d::ReduceOp operation(int op) {
  switch (op) {
  case 0:
    return c10d::ReduceOp::SUM;
  case 1:
    return c10d::ReduceOp::MIN;
  default:
    return c10d::ReduceOp::MAX;
  }
}

std::vector<uint8_t> bytes(const uint8_t *data, size_t length) { return std::vector<uint8_t>(data, data + length); }

// Gloo works on the memory of a tensor, whatever its strides say: what is not contiguous goes through a copy.
template <typename Work> void on_contiguous(at::Tensor *tensor, Work work) {
  at::NoGradGuard no_grad;
  auto whole = tensor->detach();
  auto flat = whole.contiguous();
  std::vector<at::Tensor> tensors{flat};
  work(tensors);
  if (!flat.is_same(whole) && flat.data_ptr() != whole.data_ptr())
    whole.copy_(flat);
}

} // namespace

struct Reduction {
  std::unique_ptr<c10d::Reducer> reducer;
};

extern "C" {

char *extra_store_tcp(const char *host, uint16_t port, bool serve, int64_t timeout_ms, Store **out) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serve;
    options.multiTenant = serve;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout_ms);
    *out = new Store{c10::make_intrusive<c10d::TCPStore>(std::string(host), options)};
  });
}

char *extra_store_file(const char *path, int world, Store **out) {
  return guarded([&] { *out = new Store{c10::make_intrusive<c10d::FileStore>(std::string(path), world)}; });
}

char *extra_store_another(const Store *store, Store **out) {
  return guarded([&] { *out = new Store{store->store->clone()}; });
}

// The same connection; the store that is served lives as long as any of them.
char *extra_store_below(const Store *store, const char *prefix, Store **out) {
  return guarded(
      [&] { *out = new Store{c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), store->store)}; });
}

void extra_store_free(Store *store) { delete store; }

char *extra_store_set(Store *store, const char *key, const uint8_t *data, size_t length) {
  return guarded([&] { store->store->set(std::string(key), bytes(data, length)); });
}

// The value goes to `take`, which copies it.
char *extra_store_get(Store *store, const char *key, int64_t timeout_ms, void *taker,
                      void (*take)(void *, const uint8_t *, size_t)) {
  return guarded([&] {
    store->store->wait({std::string(key)}, milliseconds(timeout_ms));
    const auto value = store->store->get(std::string(key));
    take(taker, value.data(), value.size());
  });
}

char *extra_store_check(Store *store, const char *key, bool *out) {
  return guarded([&] { *out = store->store->check({std::string(key)}); });
}

char *extra_group_gloo(Store *store, const char *prefix, int rank, int world, const char *interface, int64_t timeout_ms,
                       Group **out) {
  return guarded([&] {
    const auto own = c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), store->store);
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout_ms));
    options->devices.push_back(interface[0] ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                            : c10d::ProcessGroupGloo::createDefaultDevice());
    options->threads = 2;
    auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(own, rank, world, options);
    auto wrapper = c10::make_intrusive<c10d::ProcessGroup>(own, rank, world);
    const auto gloo = c10d::ProcessGroup::BackendType::GLOO;
    wrapper->setBackend(at::kCPU, gloo, backend);
    // From a GPU Gloo goes through the host's memory.
    wrapper->setBackend(at::kCUDA, gloo, backend);
    wrapper->setDefaultBackend(gloo);
    wrapper->setGroupName(prefix);
    *out = new Group{backend, wrapper};
  });
}

// NCCL warns of a group that was not shut down.
void extra_group_free(Group *group) {
  std::free(guarded([&] { group->backend->shutdown(); }));
  delete group;
}

// Kernels of NCCL end that wait for a process that is gone, and with them what the GPU was to do next.
void extra_group_abort(Group *group) {
  std::free(guarded([&] { group->backend->abort(); }));
}

char *extra_all_reduce(Group *group, at::Tensor *tensor, int op) {
  return guarded([&] {
    on_contiguous(tensor, [&](std::vector<at::Tensor> &tensors) {
      c10d::AllreduceOptions options;
      options.reduceOp = operation(op);
      group->backend->allreduce(tensors, options)->wait(group->wait);
    });
  });
}

char *extra_broadcast(Group *group, at::Tensor *tensor, int root) {
  return guarded([&] {
    on_contiguous(tensor, [&](std::vector<at::Tensor> &tensors) {
      c10d::BroadcastOptions options;
      options.rootRank = root;
      group->backend->broadcast(tensors, options)->wait(group->wait);
    });
  });
}

char *extra_reducer(Group *group, at::Tensor *const *tensors, size_t count, Reduction **out) {
  return guarded([&] {
    std::vector<at::Tensor> parameters;
    parameters.reserve(count);
    for (size_t i = 0; i < count; i++)
      parameters.push_back(*tensors[i]);
    c10d::verify_params_across_processes(group->wrapper, parameters, std::nullopt);
    const std::vector<bool> sparse(count, false);
    const std::vector<size_t> limits{c10d::kDefaultFirstBucketBytes, c10d::kDefaultBucketBytesCap};
    auto [buckets, sizes] = c10d::compute_bucket_assignment_by_size(parameters, limits, sparse);
    // Gradients come from the loss backwards.
    std::vector<std::vector<size_t>> reversed(buckets.rbegin(), buckets.rend());
    auto reducer = std::make_unique<c10d::Reducer>(
        std::move(parameters), std::move(reversed), group->wrapper, sparse, c10d::kDefaultBucketBytesCap,
        /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false,
        std::unordered_map<size_t, std::string>{}, c10d::kDefaultFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<int64_t>{});
    reducer->register_comm_hook(std::make_unique<SumHook>(group->wrapper));
    *out = new Reduction{std::move(reducer)};
  });
}

void extra_reducer_free(Reduction *reduction) {
  std::free(guarded([&] {
    reduction->reducer->remove_autograd_hooks();
    reduction->reducer.reset();
  }));
  delete reduction;
}

char *extra_reducer_expect(Reduction *reduction) {
  return guarded([&] {
    if (reduction->reducer->should_rebuild_buckets())
      reduction->reducer->rebuild_buckets();
    // Outputs are only walked for unused parameters, of which there are none.
    reduction->reducer->prepare_for_backward({});
  });
}

char *extra_reducer_finished(Reduction *reduction) {
  return guarded([&] { reduction->reducer->check_finalized(); });
}

} // extern "C"

#else

struct Store;
struct Group;
struct Reduction;

namespace {
char *missing() { return strdup("this libtorch was built without distributed training"); }
} // namespace

extern "C" {
char *extra_store_tcp(const char *, uint16_t, bool, int64_t, Store **) { return missing(); }
char *extra_store_file(const char *, int, Store **) { return missing(); }
char *extra_store_another(const Store *, Store **) { return missing(); }
char *extra_store_below(const Store *, const char *, Store **) { return missing(); }
void extra_store_free(Store *) {}
char *extra_store_set(Store *, const char *, const uint8_t *, size_t) { return missing(); }
char *extra_store_get(Store *, const char *, int64_t, void *, void (*)(void *, const uint8_t *, size_t)) {
  return missing();
}
char *extra_store_check(Store *, const char *, bool *) { return missing(); }
char *extra_group_gloo(Store *, const char *, int, int, const char *, int64_t, Group **) { return missing(); }
void extra_group_free(Group *) {}
void extra_group_abort(Group *) {}
char *extra_all_reduce(Group *, at::Tensor *, int) { return missing(); }
char *extra_broadcast(Group *, at::Tensor *, int) { return missing(); }
char *extra_reducer(Group *, at::Tensor *const *, size_t, Reduction **) { return missing(); }
void extra_reducer_free(Reduction *) {}
char *extra_reducer_expect(Reduction *) { return missing(); }
char *extra_reducer_finished(Reduction *) { return missing(); }
}

#endif
