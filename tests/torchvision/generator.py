"""Deterministic tensor values, so that no weight file is needed to compare two programs.

The values of a tensor depend on its name, its shape and one number per network, the gain.
`generator.rs` next to this file is the same rule in Rust; the two are twins, bit for bit, and
`generator_check.json` holds values that both must reproduce.

The uniform number of element i (row-major) of the tensor called NAME is

    hash    = splitmix64(fnv1a64(NAME in UTF-8) + (i + 1) * 0x9E3779B97F4A7C15  mod 2^64)
    uniform = (hash >> 40) / 2^23 - 1                        in [-1, 1), exact in float32

where `splitmix64` is that generator's output function (two xor-shift-multiply rounds and a last
xor-shift). Every value is then `offset + scale * uniform`: one product and one sum in float64 (no
fused multiply-add), rounded once to float32. `offset` and `scale` follow from the name's last part
and the rank:

    tensor                                   offset  scale
    input                                    0       1
    ...running_mean                          0       0.8
    ...running_var                           1       0.5
    ...class_token, cls_token, register_tokens, reg_token, pos_embedding, pos_embed, position_embeddings,
    relative_position_bias_table
                                             0       1
    ...gamma, lambda1                        0.5     0.25   (a factor for each channel of a branch)
    ...logit_scale                           2       0.5    (of the scores of a head)
    ...weight, in_proj_weight, rank 2 or more  0     gain * sqrt(6 / fan_in), fan_in = product(shape[1:])
    ...bn3.weight, f.c.1.weight, rank 1      0.2     0.05   (the end of a bottleneck's residual branch)
    ...weight, any other of rank 1           1       0.25   (normalisation)
    ...bn.bias                               0.75    0.5    (GoogLeNet's and Inception's units)
    ...bias, any other, in_proj_bias, q_bias, v_bias  0       0.5
    ...layer_scale, layer_scale_parameter    0.2     0.05   (the end of a residual branch; TorchVision starts at 1e-6)
    ...num_batches_tracked (int64)           1 + (hash of element 0 >> 40) mod 1000

`relative_position_index` and `relative_coords_table` are constants of a network: they keep the values it is built with.

The two special rows keep deep networks well conditioned in training mode, where float32 and float64
would otherwise part: a residual branch much weaker than its shortcut, and units that are mostly open
where there is no shortcut.
"""

import json
import math
from pathlib import Path

import numpy

MASK = (1 << 64) - 1
GOLDEN_RATIO = 0x9E3779B97F4A7C15


def fnv1a64(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def hashes(name: str, count: int) -> numpy.ndarray:
    """The first `count` 64-bit hashes of the tensor called `name`."""
    index = numpy.arange(1, count + 1, dtype=numpy.uint64)
    z = numpy.uint64(fnv1a64(name)) + index * numpy.uint64(GOLDEN_RATIO)
    z ^= z >> numpy.uint64(30)
    z *= numpy.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> numpy.uint64(27)
    z *= numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    return z


# Tokens, and tables of positions.
TABLES = (
    "class_token", "cls_token", "register_tokens", "reg_token", "pos_embedding", "pos_embed", "position_embeddings",
    "relative_position_bias_table",
)
# What belongs to a network and not to its weights.
CONSTANTS = ("relative_position_index", "relative_coords_table")


def offset_and_scale(name: str, shape, gain: float) -> tuple[float, float]:
    last = name.rsplit(".", 1)[-1]
    if last == "input":
        return 0.0, 1.0
    if last == "running_mean":
        return 0.0, 0.8
    if last == "running_var":
        return 1.0, 0.5
    if last in TABLES:
        return 0.0, 1.0
    if last in ("gamma", "lambda1"):
        return 0.5, 0.25
    if last == "logit_scale":
        return 2.0, 0.5
    if last in ("weight", "in_proj_weight") and len(shape) >= 2:
        return 0.0, gain * math.sqrt(6.0 / math.prod(shape[1:]))
    if name.endswith(("bn3.weight", "f.c.1.weight")):
        return 0.2, 0.05
    if last == "weight":
        return 1.0, 0.25
    if name.endswith("bn.bias"):
        return 0.75, 0.5
    if last in ("bias", "in_proj_bias", "q_bias", "v_bias"):
        return 0.0, 0.5
    if last in ("layer_scale", "layer_scale_parameter"):
        return 0.2, 0.05
    raise ValueError(f"no rule for a tensor called {name!r}")


def values(name: str, shape, gain: float) -> numpy.ndarray:
    """The tensor called `name`: float32 of the given shape, or the int64 scalar `num_batches_tracked`."""
    if name.endswith("num_batches_tracked"):
        return numpy.array(1 + (int(hashes(name, 1)[0]) >> 40) % 1000, dtype=numpy.int64)
    offset, scale = offset_and_scale(name, shape, gain)
    uniform = (hashes(name, math.prod(shape)) >> numpy.uint64(40)).astype(numpy.float64)
    uniform /= 8388608.0
    uniform -= 1.0
    uniform *= scale
    uniform += offset
    return uniform.astype(numpy.float32).reshape(shape)


CHECKED = [
    ("input", [2, 3, 4, 5], 1.0),
    ("conv1.weight", [64, 3, 7, 7], 0.8),
    ("layer1.0.bn1.weight", [64], 0.8),
    ("layer1.0.bn1.bias", [64], 0.8),
    ("layer1.0.bn3.weight", [256], 0.8),
    ("Conv2d_1a_3x3.bn.bias", [32], 0.8),
    ("layer1.0.bn1.running_mean", [64], 0.8),
    ("layer1.0.bn1.running_var", [64], 0.8),
    ("layer1.0.bn1.num_batches_tracked", [], 0.8),
    ("fc.weight", [1000, 512], 1.3),
    ("trunk_output.block1.block1-0.f.c.1.weight", [48], 0.8),
    ("features.1.0.layer_scale", [96, 1, 1], 0.8),
    ("encoder.pos_embedding", [1, 17, 64], 0.8),
    ("encoder.layers.encoder_layer_0.self_attention.in_proj_weight", [192, 64], 0.8),
    ("encoder.layers.encoder_layer_0.self_attention.in_proj_bias", [192], 0.8),
    ("blocks.0.ls1.gamma", [64], 0.8),
    ("features.1.0.attn.logit_scale", [3, 1, 1], 0.8),
    ("layers.0.blocks.0.attn.q_bias", [96], 0.8),
]


def check_rows():
    """Name, shape, gain and the bits of the first and last four values of some tensors."""
    for name, shape, gain in CHECKED:
        flat = values(name, shape, gain).reshape(-1).astype(numpy.float32)
        bits = flat.view(numpy.uint32)
        yield {"name": name, "shape": shape, "gain": gain,
               "first": bits[:4].tolist(), "last": bits[-4:].tolist()}


def main():
    """Writes `generator_check.json`, which the Rust twin is tested against."""
    rows = ",\n".join(json.dumps(row) for row in check_rows())
    Path(__file__).with_name("generator_check.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main()
