// NCCL, as a library of its own: `ProcessGroupNCCL` is in libtorch_cuda.so, which the program opens where there is one, so that
// nothing can be linked against it. This is opened after it, and finds there what it names.

#include "group.h"
#include "guarded.h"

#include <torch/csrc/distributed/c10d/NCCLUtils.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <string>
#include <tuple>

using std::chrono::milliseconds;

extern "C" {

// The version that is loaded, which must have the structures of the headers: those of one minor version.
char *extra_nccl_version(int *major, int *minor, int *patch) {
  return guarded([&] {
    std::tie(*major, *minor, *patch) = c10d::getNcclVersionTuple();
    TORCH_CHECK(*major == NCCL_MAJOR && *minor == NCCL_MINOR, "NCCL ", *major, ".", *minor,
                " is loaded, and the program was compiled with the headers of ", NCCL_MAJOR, ".", NCCL_MINOR);
  });
}

char *extra_group_nccl(Store *store, const char *prefix, int rank, int world, int64_t timeout_ms, Group **out) {
  return guarded([&] {
    const auto own = c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), store->store);
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = milliseconds(timeout_ms);
    auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(own, rank, world, options);
    auto wrapper = c10::make_intrusive<c10d::ProcessGroup>(own, rank, world);
    const auto nccl = c10d::ProcessGroup::BackendType::NCCL;
    wrapper->setBackend(at::kCUDA, nccl, backend);
    wrapper->setDefaultBackend(nccl);
    wrapper->setGroupName(prefix);
    *out = new Group{backend, wrapper, milliseconds(timeout_ms)};
  });
}

} // extern "C"
