"""Writes golden/<arch>.json from TorchVision, and proves that each golden can fail.

    python make_goldens.py [ARCH...]                (default: every network of networks.py)
    python make_goldens.py --gradients ARCH...      (only the gradients, into goldens that are there)
    python make_goldens.py --table                  (rewrites only the table in README.md)

Every golden must pass these checks before it is written; what they measured stands in the file
under `proof` and in the README's table:

- the logits of two inputs differ by more than 1e-2 of the largest logit;
- the float32 logits agree with a float64 evaluation to 1e-5, evaluation and training mode;
- any one parameter or buffer multiplied by 1.1 moves the evaluation logits by more than 1e-4
  (auxiliary heads: their training logits), `num_batches_tracked` excepted; not of the large ones,
  whose blocks are those of a smaller network;
- all numbers are finite;
- gradient norms agree with float64's, and stay under noise of 2e-7 (1e-15 in float64) on the input, to 1e-4.

All differences are relative: max|a-b| / max|b|.
"""

import json
import sys
from pathlib import Path

import torch
import torchvision

import networks

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
TRAIN_BATCH = 4
FACTOR = 1.1
# Of the logits of a large network one in this many, and the norm of all.
EVERY = 25
# By the type that gradients are computed in.
NOISE = {torch.float32: 2e-7, torch.float64: 1e-15}
STEADY = 2e-5
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
AUXILIARY_WEIGHT = {"googlenet": 0.3, "inception_v3": 0.4}


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.double(), b.double()
    return ((a - b).abs().max() / b.abs().max()).item()


def outputs(model, x) -> dict[str, torch.Tensor]:
    """Main logits and, in training mode, the auxiliary heads' (named by the module that makes them)."""
    result = model(x)
    if isinstance(result, torch.Tensor):
        return {"logits": result}
    if isinstance(result, torchvision.models.GoogLeNetOutputs):
        return {"logits": result.logits, "aux1": result.aux_logits1, "aux2": result.aux_logits2}
    return {"logits": result.logits, "AuxLogits": result.aux_logits}


def worst(a: dict, b: dict) -> float:
    return max(relative(a[key], b[key]) for key in b)


SCALE_FREE = "reduction.weight"


def half_of(tensor):
    return tensor[: len(tensor) // 2]


def sensitivities(model, reference, x, wanted, measure):
    """Relative change of the logits, tensor by tensor, when that tensor is multiplied by 1.1; half of it where a norm right
    behind it takes the scale of the whole away (Swin v2's reduction)."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and wanted(name):
            original = tensor.clone()
            (half_of(tensor) if name.endswith(SCALE_FREE) else tensor).mul_(FACTOR)
            yield measure(model, x, reference), name
            tensor.copy_(original)


@torch.no_grad()
def evaluation(arch, network, model) -> tuple[dict, dict]:
    shape = [2, 3, network.eval_size, network.eval_size]
    x = networks.inputs(shape)
    networks.fill(model, network.gain)
    model.eval()
    logits = outputs(model, x)["logits"]
    proof = {}
    if not network.large:
        moved = sensitivities(model, logits, x, lambda name: not name.startswith(AUXILIARY),
                              lambda model, x, reference: relative(model(x), reference))
        proof["weakest"], proof["weakest_tensor"] = min(moved)
    exact = model.double()(x.double())
    model.float()
    return {"shape": shape} | written(network, {"logits": logits}), {
        "images_differ": ((logits[0] - logits[1]).abs().max() / logits.abs().max()).item(),
        "eval_float64": relative(logits, exact),
    } | proof


def written(network, logits: dict) -> dict:
    """Logits by name, row-major; of a large network some of them, and the norm of each image's."""
    if not network.large:
        return {key: floats(value) for key, value in logits.items()}
    return {
        "every": EVERY, "norms": floats(logits["logits"].double().norm(dim=1)),
        "logits": floats(logits["logits"].flatten()[::EVERY]),
    }


@torch.no_grad()
def training(arch, network, model) -> tuple[dict, dict]:
    shape = [TRAIN_BATCH, 3, network.train_size, network.train_size]
    x = networks.inputs(shape)
    networks.fill(model, network.gain)
    model.train()
    logits = outputs(model, x)
    golden = {"shape": shape} | written(network, logits)
    if arch == "resnet18":
        golden["running"] = {
            name: floats(torch.stack([tensor.double().sum(), tensor.double().square().sum()]))
            for name, tensor in model.state_dict().items() if ".running_" in name
        }
    networks.fill(model, network.gain)
    exact = outputs(model.double(), x.double())
    proof = {"train_float64": worst(logits, exact)}
    model.float()
    if len(logits) > 1:
        proof["auxiliary"], proof["auxiliary_tensor"] = auxiliary_weakest(network, model, x)
    return golden, proof


def auxiliary_weakest(network, model, x):
    """The least change of an auxiliary head's training-mode logits over the tensors they depend on.

    In training mode batch-norm makes its output independent of the scale of the convolution before
    it and of its running statistics; those tensors are left out here by name.
    """
    networks.fill(model, network.gain)
    taps = {}
    heads = {name: module for name, module in model.named_children() if name in ("aux1", "aux2", "AuxLogits")}
    hooks = [module.register_forward_pre_hook(lambda _, args, name=name: taps.__setitem__(name, args[0].clone()))
             for name, module in heads.items()]
    model(x)
    for hook in hooks:
        hook.remove()
    found = []
    for head, module in heads.items():
        reference = module(taps[head])
        wanted = lambda name: ".running_" not in name and not name.endswith("conv.weight")
        moved = sensitivities(module, reference, taps[head], wanted,
                              lambda model, x, reference: relative(model(x), reference))
        found += [(change, f"{head}.{name}") for change, name in moved]
    return min(found)


def gradients(arch, network, model) -> tuple[dict, dict]:
    """L2 norm of the gradient per stage; mean cross entropy with labels 0, 1, 2, 3.

    A gradient jumps where a rectifier's input crosses zero, so an input on which rounding alone moves
    one unit across would make a golden that no other machine reproduces. Of the candidate sizes, the
    first whose norms are steady is taken, else the steadiest.
    """
    dtype = torch.float64 if network.exact_gradients else torch.float32
    best = None
    for size in network.gradient_sizes:
        shape = [TRAIN_BATCH, 3, size, size]
        loss, norms = gradient_norms(arch, network, model, shape, dtype)
        drift = gradient_drift(arch, network, model, shape, norms, NOISE[dtype])
        print(f"{arch}: gradients at {size} pixels drift by {drift:.1e}", flush=True)
        if best is None or drift < best[0]:
            best = drift, shape, loss, norms
        if drift < STEADY:
            break
    model.float()
    drift, shape, loss, norms = best
    stages = [{"name": stage, "roots": roots, "norm": nine(norms[stage])} for stage, roots in network.stages.items()]
    return ({"dtype": "float64"} if network.exact_gradients else {}) | {
        "shape": shape, "labels": list(range(TRAIN_BATCH)),
        "auxiliary_weight": AUXILIARY_WEIGHT.get(arch), "loss": nine(loss), "stages": stages,
    }, {"gradient_drift": drift}


def gradient_drift(arch, network, model, shape, norms, noise) -> float:
    """How far the norms are from float64's, and those from themselves under small noise on the input."""
    _, exact = gradient_norms(arch, network, model, shape, torch.float64)
    drift = furthest(norms, exact)
    for seed in range(1 if network.large else 3):
        _, noisy = gradient_norms(arch, network, model, shape, torch.float64, seed, noise)
        drift = max(drift, furthest(noisy, exact))
    return drift


def gradient_norms(arch, network, model, shape, dtype, seed=None, noise=0.0) -> tuple[float, dict]:
    networks.fill(model, network.gain)
    model.to(dtype).train().zero_grad()
    x = networks.inputs(shape).to(dtype)
    if seed is not None:
        x += noise * torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    loss = sum((1.0 if key == "logits" else AUXILIARY_WEIGHT[arch])
               * torch.nn.functional.cross_entropy(value, torch.arange(TRAIN_BATCH))
               for key, value in outputs(model, x).items())
    loss.backward()
    squares = {name: p.grad.double().square().sum().item() for name, p in model.named_parameters()}
    norms, claimed = {}, 0
    for stage, roots in network.stages.items():
        owned = [square for name, square in squares.items() if any(name == root or name.startswith(root + ".") for root in roots)]
        norms[stage] = sum(owned) ** 0.5
        claimed += len(owned)
    assert claimed == len(squares), f"{arch}: the stages do not partition the parameters"
    return loss.item(), norms


def furthest(norms: dict, exact: dict) -> float:
    return max(abs(norms[stage] - exact[stage]) / exact[stage] for stage in exact)


def nine(number: float) -> float:
    return float(f"{number:.9g}")


def floats(tensor: torch.Tensor) -> list:
    flat = [nine(value) for value in tensor.reshape(-1).tolist()]
    assert all(abs(value) < float("inf") for value in flat), "a number is not finite"
    return flat


def check(arch, proof):
    failures = []
    if proof["images_differ"] <= 1e-2:
        failures.append("the images' logits are too alike")
    if max(proof["eval_float64"], proof["train_float64"]) >= 1e-5:
        failures.append("float32 is too far from float64")
    if min(proof.get("weakest", 1.0), proof.get("auxiliary", 1.0)) <= 1e-4:
        failures.append("a tensor hardly matters")
    if proof.get("gradient_drift", 0.0) >= 1e-4:
        failures.append("the gradients are not steady")
    if failures:
        raise SystemExit(f"{arch}: {'; '.join(failures)}: {proof}")


def make(arch):
    network = networks.NETWORKS[arch]
    model = networks.build(arch)
    golden = {
        "arch": arch, "arguments": network.arguments,
        "torch": torch.__version__, "torchvision": torchvision.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    if network.large:
        golden["large"] = True
    if not network.table_only:
        evaluated, proof = evaluation(arch, network, model)
        trained, more = training(arch, network, model)
        proof |= more
        golden |= {"gain": network.gain, "eval": evaluated, "train": trained}
        if network.stages:
            golden["gradients"], more = gradients(arch, network, model)
            proof |= more
        golden["proof"] = checked(arch, proof)
    golden["state_dict"] = [[name, list(tensor.shape), str(tensor.dtype).removeprefix("torch.")]
                            for name, tensor in model.state_dict().items()]
    (GOLDEN / f"{arch}.json").write_text(compact(golden))
    print(arch, golden.get("proof", "table only"), flush=True)


def add_gradients(arch):
    """Puts gradients into a golden whose logits stay as they are."""
    path = GOLDEN / f"{arch}.json"
    golden = json.loads(path.read_text())
    network = networks.NETWORKS[arch]
    made, drift = gradients(arch, network, networks.build(arch))
    last = {key: golden.pop(key) for key in ("gradients", "proof", "state_dict") if key in golden}
    proof = checked(arch, last["proof"] | drift)
    path.write_text(compact(golden | {"gradients": made, "proof": proof, "state_dict": last["state_dict"]}))
    print(arch, proof, flush=True)


def checked(arch, proof: dict) -> dict:
    check(arch, proof)
    return {key: float(f"{value:.3g}") if isinstance(value, float) else value for key, value in proof.items()}


def compact(golden: dict) -> str:
    """JSON with one line per entry, and one per row of the state dict."""
    lines = []
    for key, value in golden.items():
        if key == "state_dict":
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f'"{key}":[\n{rows}\n]')
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_table():
    """Puts the proofs of all goldens into README.md, between its two markers."""
    rows = ["| network | parameters | gain | images differ | least change | by the tensor "
            "| float64, eval | float64, train | gradient drift |", "|---|---|---|---|---|---|---|---|---|"]
    for arch in networks.NETWORKS:
        path = GOLDEN / f"{arch}.json"
        if not path.exists():
            continue
        golden = json.loads(path.read_text())
        proof = golden.get("proof")
        if proof is None:
            rows.append(f"| {arch} | {golden['parameters']:,} | table only" + " |" * 7)
            continue
        least = [f"{proof['weakest']:.2g}", f"`{proof['weakest_tensor']}`"] if "weakest" in proof else ["", ""]
        cells = [arch, f"{golden['parameters']:,}", str(golden["gain"]), f"{proof['images_differ']:.2g}", *least,
                 f"{proof['eval_float64']:.1e}", f"{proof['train_float64']:.1e}", f"{proof['gradient_drift']:.1e}" if "gradient_drift" in proof else ""]
        rows.append("| " + " | ".join(cells) + " |")
        if "auxiliary" in proof:
            rows.append(f"| {arch}, auxiliary heads | | | | {proof['auxiliary']:.2g} "
                        f"| `{proof['auxiliary_tensor']}` | | | |")
    readme = HERE / "README.md"
    before, rest = readme.read_text().split("<!-- table -->\n")
    after = rest.split("<!-- end of table -->")[1]
    readme.write_text(before + "<!-- table -->\n" + "\n".join(rows) + "\n<!-- end of table -->" + after)


def main():
    torch.set_num_threads(1)
    GOLDEN.mkdir(exist_ok=True)
    match sys.argv[1:]:
        case ["--table"]:
            pass
        case ["--gradients", *archs]:
            for arch in archs:
                add_gradients(arch)
        case archs:
            for arch in archs or networks.NETWORKS:
                make(arch)
    write_table()


if __name__ == "__main__":
    main()
