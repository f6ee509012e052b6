#!/usr/bin/env python3
"""Write the files in found/, which found.rs reads: checkpoints as training scripts, wrappers and other libraries leave them.

    pip install torch==2.11.0 numpy safetensors
    python3 make_found_checkpoints.py

In every file that is read, the weights are those of `weights()`: element i of a tensor is i.
"""

import argparse
import collections
import copyreg
import datetime
import enum
import functools
import io
import operator
import os
import pathlib
import pickle
import random
import sqlite3
from pathlib import Path

import numpy as np
import torch
import torch.fx
from torch import nn

HERE = Path(__file__).parent / "found"


def weights(prefix=""):
    conv = torch.arange(18, dtype=torch.float32).reshape(2, 1, 3, 3)
    state = {"conv.weight": conv, "conv.bias": torch.arange(2.0), "fc.weight": torch.arange(6.0).reshape(3, 2),
             "fc.bias": torch.arange(3.0)}
    return {prefix + name: value for name, value in state.items()}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(2, 3)
        self.register_buffer("passing", torch.zeros(3), persistent=False)
        self.load_state_dict(weights())


class Colour(enum.Enum):
    RED = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


class Outer:
    class Inner:
        lr = 0.1

        def decide(self):
            return True

    class Mode(enum.Enum):
        FAST = "fast"


class Slots:
    __slots__ = ("a", "b")


class Helper:
    """An average of its own making: tensors among the attributes of an object."""

    def __init__(self):
        self.decay, self.shadow = 0.99, weights()


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class Chain:
    """getattr on what a call returns, and its call: partial(os.getcwd)()."""

    def __reduce__(self):
        return functools.partial(os.getcwd), ()


def optimizer():
    model = nn.Linear(2, 2)
    adam = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    adam.step()
    return adam.state_dict()


def read_files():
    module, net = weights("module."), Net()
    average = torch.optim.swa_utils.AveragedModel(net)
    nudged = {name: value + 100 for name, value in weights().items()}
    yield "imagenet", {"epoch": 3, "arch": "x", "state_dict": module, "best_acc1": torch.tensor(81.25), "optimizer": optimizer()}
    yield "lightning", {"state_dict": weights("model."), "optimizer_states": [optimizer()], "global_step": 3,
                        "hyper_parameters": {"path": pathlib.Path("/data"), "when": datetime.datetime.now()}}
    yield "compiled_parallel", {"model": weights("module._orig_mod.")}
    yield "deep", {"checkpoint": {"network": {"params": weights("backbone.model.")}}}
    yield "unheard_of", {"our_trainer_v2": {"blob": weights("wobble.wibble.")}}
    yield "inner_module", {"features": 1, **{n.replace("conv.", "conv.module."): v for n, v in weights().items()}}
    yield "fsdp", {n.replace("conv.", "conv._fsdp_wrapped_module."): v for n, v in weights("_fsdp_wrapped_module.").items()}
    yield "whole", net
    yield "whole_under_key", {"epoch": -1, "model": net, "train_args": {"lr0": 0.01}}
    yield "whole_parallel", {"ema": None, "model": nn.DataParallel(net)}
    yield "averaged", average.state_dict()
    yield "raw_and_average", {"state_dict": nudged, "state_dict_ema": weights()}
    yield "average_without_all", {"state_dict": weights(), "ema": {k: v + 100 for k, v in weights().items() if "bias" in k}}
    yield "optimizer_by_name", {"optimizer": {"exp_avg": nudged, "step": torch.tensor(3)}, "weights": weights()}
    yield "helper", {"helper": Helper(), "epoch": 2}
    yield "head_beside", {"state_dict": {("backbone." if n.startswith("conv") else "head.") + n: v for n, v in weights().items()},
                          "meta": {"CLASSES": ("a", "b", "c")}}
    yield "thop", {**weights(), "total_ops": torch.zeros(1), "conv.total_ops": torch.zeros(1), "fc.total_params": torch.zeros(1)}
    yield "momentum_pair", {**weights("encoder_q."), **{"encoder_k." + n: v + 100 for n, v in weights().items()},
                            "queue": torch.zeros(4, 4)}
    yield "tuple", (weights(), {"epoch": 3})
    yield "numbers", {"model": {n: v.numpy() for n, v in weights().items()}, "loss": np.float64(0.5)}
    yield "parameters", {n: nn.Parameter(v) for n, v in weights().items()}
    yield "classes", {"state_dict": weights(), "class_to_idx": {"cat": 1, "ant": 0, "bee": 2}}
    linear = nn.Linear(2, 2)
    adam = torch.optim.Adam(linear.parameters())
    linear(torch.ones(1, 2)).sum().backward()
    adam.step()
    # Keyed by parameters, and by 1 and "1": names clash.
    yield "whole_optimizer", {"state_dict": weights(), "optimizer": adam, "more": {1: torch.ones(3), "1": torch.ones(3)}}
    yield "dotted_twice", {"model": weights(), "a": {"b": {"c": torch.ones(2)}, "b.c": torch.ones(2)}}
    yield "negated", {n: torch._neg_view(-v) for n, v in weights().items()}
    yield "unread", {**weights(), "conv.weight": torch.zeros(2, 1, 3, 3).to_sparse(), "conv.bias": torch.zeros(2, dtype=torch.complex64),
                     "fc.bias": torch.zeros(3).to(torch.float8_e4m3fn)}
    worse = {name: value - 100 for name, value in weights().items()}
    yield "init_first", {"model_init": worse, "model": weights()}
    yield "discriminator_first", {"discriminator": worse, "generator_net": weights()}
    yield "prev_first", {"state_dict_prev": worse, "state_dict": weights()}
    yield "last_and_best", {"last": {"model": worse}, "best": {"model": weights()}}
    yield "distilled", {"teacher": worse, "student": weights()}
    yield "dino", {"student": worse, "teacher": weights(), "dino_loss": {"center": torch.zeros(1, 3)}}
    yield "net_ema", {"net": worse, "net_ema": {"module": weights()}}
    yield "more_classes_first", {"pretrained": {**worse, "fc.bias": torch.zeros(3)},
                                 "model": weights()}
    yield "folds", {"fold0": weights(), "fold1": worse}
    yield "list_of_two", [weights(), worse]
    yield "half_wrapped", {("module." if n.startswith("conv") else "") + n: v for n, v in weights().items()}
    named = ["ant", "cat", "bee"]
    yield "classes_numpy", {"model": weights(), "class_to_idx": {n: np.int64(i) for i, n in enumerate(named)}}
    yield "classes_tensor", {"model": weights(), "class_to_idx": {n: torch.tensor(i) for i, n in enumerate(named)}}
    yield "classes_array", {"model": weights(), "classes": np.array(named)}
    yield "classes_objects", {"model": weights(), "classes": np.array(named, dtype=object)}
    yield "classes_np_str", {"model": weights(), "classes": list(np.array(named))}
    yield "classes_from_1", {"model": weights(), "class_to_idx": {n: i + 1 for i, n in enumerate(named)}}
    yield "classes_with_gap", {"model": weights(), "class_to_idx": {"a": 0, "b": 3}}
    slots = Slots()
    slots.a, slots.b = 1, Colour.RED
    counter = collections.Counter("abca")
    yield "harmless", {"state_dict": weights(), "hyper": {
        "nested": Outer.Inner(), "method": Outer.Inner().decide, "mode": Outer.Mode.FAST, "colour": Colour.RED, "flag": Flag.A | Flag.B,
        "path": pathlib.Path("a/b"), "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x")), "partial": functools.partial(max, 3),
        "partial_open": functools.partial(open, "x"), "join": os.path.join, "system": os.system, "slots": slots,
        "counter": counter, "deque": collections.deque([1, 2]), "default": collections.defaultdict(list, a=[1]), "named": os.stat("."),
        "dtype": torch.float16, "device": torch.device("cpu"), "size": torch.Size([2, 3]), "array": np.arange(3),
        "scalar": np.float32(1.5), "random": random.Random(3).getstate(), "numpy_random": np.random.RandomState(1).get_state(),
        "generator": np.random.default_rng(1), "slice": slice(1, 2), "set": {1, 2}, "complex": 1j, "range": range(3),
        "getter": operator.itemgetter(1), "wide": 1 << 90, "bytes": b"abc", "class": Outer.Inner, "loss": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(net.parameters(), 0.1)}}


def saved(thing):
    file = io.BytesIO()
    torch.save(thing, file)
    return file.getvalue()


def hostile_files():
    state = weights()
    yield "system", {"state_dict": state, "x": Call(os.system, "touch hostile-was-executed")}
    yield "eval", {"state_dict": state, "x": Call(eval, "1")}
    yield "exec", {**state, "x": Call(exec, "import os")}
    import subprocess

    yield "popen", {"state_dict": state, "x": Call(subprocess.Popen, ["touch", "hostile-was-executed"])}
    yield "map", {"state_dict": state, "x": Call(map, os.system, ["touch hostile-was-executed"])}
    yield "getattr", {"state_dict": state, "x": Call(getattr, Outer, "__subclasses__")}
    yield "partial_called", {"state_dict": state, "x": Chain()}
    yield "import", {"state_dict": state, "x": Call(__import__, "os")}
    yield "touch", {"state_dict": state, "x": Call(pathlib.Path.touch, pathlib.Path("hostile-was-executed"))}
    yield "nested", {"state_dict": state, "x": Call(torch.storage._load_from_bytes, pickle.dumps(Call(os.system, "touch hostile-was-executed"), 0))}
    yield "nested_file", {"state_dict": state, "x": Call(torch.storage._load_from_bytes, saved({"x": Call(os.system, "true")}))}
    yield "fx", {"state_dict": state, "x": Call(torch.fx.graph_module._exec_with_source, "import os", {})}
    yield "sqlite", {"state_dict": state, "x": Call(sqlite3.connect, "hostile-was-executed")}
    yield "setattr", {"state_dict": state, "x": Call(setattr, Outer, "a", 1)}


def main():
    HERE.mkdir(exist_ok=True)
    for name, thing in read_files():
        torch.save(thing, HERE / f"{name}.pth")
    for name, thing in hostile_files():
        torch.save(thing, HERE / f"hostile_{name}.pth")
    torch.save(weights("module."), HERE / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(Net(), HERE / "old_whole.pth", _use_new_zipfile_serialization=False)
    with open(HERE / "detectron.pkl", "wb") as file:
        pickle.dump({"model": {n: v.numpy() for n, v in weights("backbone.").items()}, "__author__": "us"}, file, protocol=2)
    with open(HERE / "dumped.pkl", "wb") as file:
        pickle.dump(weights(), file)
    # What is called in vain before the weights come, and thrown away: POP behind a call.
    call = b"\x80\x02cposix\nsystem\nX\x1a\x00\x00\x00touch hostile-was-executed\x85R0"
    rest = pickle.dumps({"model": {n: v.numpy() for n, v in weights().items()}}, protocol=2)
    # SimpleNamespace with an attribute that APPEND, or a second BUILD, calls.
    space = b"\x80\x02ctypes\nSimpleNamespace\n)R}X%c\x00\x00\x00%scposix\nsystem\nsb%s0"
    for name, after in (("append", b"X\x04\x00\x00\x00truea"), ("__setstate__", b"X\x04\x00\x00\x00trueb")):
        (HERE / f"hostile_{name.strip('_')}.pkl").write_bytes(space % (len(name), name.encode(), after) + rest[2:])
    (HERE / "hostile_popped.pkl").write_bytes(call + rest[2:])


if __name__ == "__main__":
    main()
