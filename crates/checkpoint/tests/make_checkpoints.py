#!/usr/bin/env python3
"""Write the files in checkpoints/, which checkpoint.rs reads back.

    pip install torch==2.11.0 numpy safetensors
    python3 make_checkpoints.py

torch.save writes all of them except tar.pth: the form of torch before 0.1.10 is no longer written by any release
that can be installed, so it is put together here and torch.load is asked whether it reads the same values.
"""

import argparse
import io
import os
import pickle
import struct
import tarfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent / "checkpoints"


def arange(*shape, dtype=torch.float32):
    count = 1
    for extent in shape:
        count *= extent
    return torch.arange(count, dtype=torch.float64).reshape(shape).to(dtype)


def state_dict():
    """Every element type and every kind of view; element i of a fresh array is i."""
    base = arange(4, 6)
    tied = arange(2, 2)
    types = {
        "f64": torch.float64,
        "f16": torch.float16,
        "bf16": torch.bfloat16,
        "i64": torch.int64,
        "i32": torch.int32,
        "i16": torch.int16,
        "i8": torch.int8,
        "u8": torch.uint8,
    }
    state = OrderedDict(("type." + name, arange(3, dtype=dtype)) for name, dtype in types.items())
    state["type.bool"] = torch.tensor([True, False, True])
    state["conv.weight"] = arange(2, 1, 3)
    state["view.transposed"] = base.t()
    state["view.strided"] = base[1:3, ::2]
    state["view.row"] = base[3]
    state["tied.a"] = tied
    state["tied.b"] = tied
    state["scalar"] = torch.tensor(7, dtype=torch.int64)
    state["empty"] = torch.zeros(0, 3)
    state["expanded"] = torch.tensor([5.0]).expand(2, 3)
    return state


def save(value, name, legacy):
    torch.save(value, HERE / name, _use_new_zipfile_serialization=not legacy)


class Command:
    """Unpickling this runs a shell command."""

    def __reduce__(self):
        return os.system, ("touch hostile-was-executed",)


def training_checkpoint():
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), momentum=0.9, lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "model": {"fc.weight": arange(2, 2), "fc.bias": arange(2)},
        "optimizer": optimizer.state_dict(),
        "epoch": 7,
        "arch": "linear",
        "args": argparse.Namespace(lr=0.1),
    }


def write_tar(path, tensors):
    """The layout of torch 0.1.9: sys_info, storages, tensors and pickle, in a tar archive."""

    def entry(archive, name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

    class Reference:
        def __init__(self, key):
            self.key = key

    class Pickler(pickle._Pickler):
        def persistent_id(self, value):
            return value.key if isinstance(value, Reference) else None

    storages, table = io.BytesIO(), io.BytesIO()
    pickle.dump(len(tensors), storages, protocol=2)
    pickle.dump(len(tensors), table, protocol=2)
    for key, tensor in enumerate(tensors.values(), start=1):
        pickle.dump((key, "cpu", torch.FloatStorage), storages, protocol=2)
        storages.write(struct.pack("<q", tensor.numel()) + tensor.contiguous().numpy().tobytes())
        pickle.dump((100 + key, key, torch.FloatTensor), table, protocol=2)
        table.write(struct.pack("<ii", tensor.dim(), 0))
        table.write(struct.pack(f"<{tensor.dim()}q", *tensor.shape))
        table.write(struct.pack(f"<{tensor.dim()}q", *tensor.contiguous().stride()))
        table.write(struct.pack("<q", 0))
    pickle.dump([], storages, protocol=2)
    saved = io.BytesIO()
    Pickler(saved, protocol=2).dump(
        OrderedDict((name, Reference(str(100 + key))) for key, name in enumerate(tensors, start=1))
    )
    system = {"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        entry(archive, "sys_info", pickle.dumps(system, protocol=2))
        entry(archive, "pickle", saved.getvalue())
        entry(archive, "tensors", table.getvalue())
        entry(archive, "storages", storages.getvalue())
    loaded = torch.load(path, weights_only=False)
    assert list(loaded) == list(tensors)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def main():
    HERE.mkdir(exist_ok=True)
    torch.manual_seed(0)
    for legacy, form in [(False, "zip"), (True, "legacy")]:
        save(state_dict(), f"{form}.pth", legacy)
        save(training_checkpoint(), f"training_{form}.pth", legacy)
        save({"fc.bias": arange(2), "extra": Command()}, f"hostile_{form}.pth", legacy)
    save(OrderedDict({"module.fc.bias": arange(2), "module.fc.weight": arange(2, 2)}), "data_parallel.pth", False)
    save([1, "no dictionary"], "list.pth", False)
    save({"epoch": 3}, "no_arrays.pth", False)
    # 8 GiB from a file of a thousand bytes.
    save({"huge": torch.zeros(1).expand(2**31)}, "expanded_bomb.pth", False)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), HERE / "torchscript.pth")
    write_tar(HERE / "tar.pth", OrderedDict([("conv.weight", arange(2, 1, 3)), ("fc.bias", arange(2))]))
    plain = {name: value.contiguous().clone() for name, value in state_dict().items()}
    save_file(plain, HERE / "plain.safetensors", metadata={"classes": "cat,dog", "format": "pt"})


if __name__ == "__main__":
    main()
