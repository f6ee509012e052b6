// What the plug-in of nccl.cpp makes and distributed.cpp uses.

#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

struct Store {
  c10::intrusive_ptr<c10d::Store> store;
};

struct Group {
  c10::intrusive_ptr<c10d::Backend> backend;
  // What the Reducer takes.
  c10::intrusive_ptr<c10d::ProcessGroup> wrapper;
  // How long a collective of ours is waited for: none where the backend knows itself. A wait of NCCL without a time only orders
  // streams, and does not see that a peer is gone.
  std::chrono::milliseconds wait = kNoTimeout;
};
