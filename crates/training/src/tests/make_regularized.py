"""Writes regularized.json: three steps of a LeNet under each technique, in float64, with the gradients of Python's autograd;
of TorchVision's EfficientNet-B0 under those that LeNet has no place for.

    python make_regularized.py        (PyTorch 2.11, TorchVision 0.26)

The penalties are written out from their papers' formulas. Of each parameter after the third step two sums are kept: of its
values, and of its values times cos(0), cos(1), ...
"""

import json
import pathlib

import torch
import torchvision
from torch.nn.functional import cross_entropy, max_pool2d

torch.set_default_dtype(torch.float64)

SHAPES = {
    "conv1.weight": (6, 1, 5, 5), "conv1.bias": (6,), "conv2.weight": (16, 6, 5, 5), "conv2.bias": (16,),
    "fc1.weight": (120, 400), "fc1.bias": (120,), "fc2.weight": (84, 120), "fc2.bias": (84,),
    "fc3.weight": (2, 84), "fc3.bias": (2,),
}
LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1, 1, 0])
PARTNERS = torch.tensor([3, 7, 8, 0, 1, 2, 9, 5, 4, 6])
SHARE = 0.3
PATCH = (4, 20, 10, 28)
RATE, MOMENTUM = 0.05, 0.9
FINE_TUNE = 5  # the step of the recipe


def batch_seed(*numbers):
    """32 bits that depend on seed, phase, epoch and number of a batch: splitmix64, chained."""
    state, bits = 0, 2**64 - 1
    for number in numbers:
        mixed = ((state ^ number) + 0x9E3779B97F4A7C15) & bits
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & bits
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & bits
        state = mixed ^ (mixed >> 31)
    return state >> 32


def waves(shape, scale):
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) * 1.7).sin().view(shape) * scale


def weights(factor):
    """Numbers for every parameter, smaller where more inputs are summed."""
    return {name: waves(shape, factor * (0.1 + 0.01 * number) * (0.3 if name == "fc1.weight" else 1.0))
            for number, (name, shape) in enumerate(SHAPES.items(), 1)}


SOURCE = weights(1.1)
PIXELS = waves((10, 1, 28, 28), 1.0)
RELATION = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])


def forward(p, x):
    """Outputs of the four stages before the head."""
    x1 = max_pool2d(torch.relu(torch.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=2)), 2)
    x2 = max_pool2d(torch.relu(torch.conv2d(x1, p["conv2.weight"], p["conv2.bias"])), 2)
    x3 = torch.relu(x2.flatten(1) @ p["fc1.weight"].T + p["fc1.bias"])
    return [x1, x2, x3, torch.relu(x3 @ p["fc2.weight"].T + p["fc2.bias"])]


def is_new(name):
    return name.startswith("fc3")


def square(x):
    return (x ** 2).sum()


def attention(channels):
    return torch.softmax(torch.arange(channels, dtype=torch.float64).cos(), 0)


def l1(p, stages, x):
    return 0.01 * sum(w.abs().sum() for w in p.values() if w.dim() > 1)


def l1_of_all(p, stages, x):
    return 0.01 * sum(w.abs().sum() for w in p.values())


def l2_sp(p, stages, x):
    near = sum(square(w - SOURCE[name]) for name, w in p.items() if not is_new(name))
    return 0.3 / 2 * near + 0.2 / 2 * sum(square(w) for name, w in p.items() if is_new(name))


def delta(p, stages, x):
    value = 0.2 / 2 * sum(square(w) for name, w in p.items() if is_new(name))
    for now, then in zip(stages, forward(SOURCE, x)):
        channels = now.shape[1]
        apart = ((now - then) ** 2).flatten(2).mean(2) if now.dim() > 2 else (now - then) ** 2  # [N, C]
        value = value + 0.02 / 2 * channels * (attention(channels) * apart).sum(1).mean()
    return value


def spectral_shrinkage(p, stages, x):
    features = stages[-1]  # 10 images of 84 features: the singular values are the roots of these eigenvalues
    return 0.5 * torch.linalg.eigvalsh(features @ features.T)[:9].sum()


def plain(p, stages, x):
    return 0.0


def bounded(p):
    for w in p.values():
        if w.dim() > 1:
            flat = w.data.view(w.shape[0], -1)
            flat *= (0.6 / flat.norm(dim=1, keepdim=True)).clamp(max=1.0)


def sums(w):
    return [w.sum().item(), (w.flatten() * torch.arange(w.numel(), dtype=torch.float64).cos()).sum().item()]


def trained(
    penalty=plain, smoothing=0.0, class_weights=None, mix=None, after=None, original=False, decay=0.0, decays=lambda w: False,
):
    p = {name: value.clone().requires_grad_() for name, value in weights(1.0).items()}
    if original:
        p["original.weight"] = waves((3, 84), 0.2).requires_grad_()
        p["original.bias"] = waves((3,), 0.1).requires_grad_()
    x = PIXELS.clone()
    share = 1.0
    if mix == "mixup":
        share, x = SHARE, SHARE * x + (1 - SHARE) * x[PARTNERS]
    if mix == "cutmix":
        top, bottom, left, right = PATCH
        x[:, :, top:bottom, left:right] = PIXELS[PARTNERS][:, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / 28 ** 2
    groups = [{"params": [w], "weight_decay": decay if decays(w) else 0.0} for w in p.values()]
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, nesterov=True)
    for _ in range(3):
        optimizer.zero_grad()
        stages = forward(p, x)
        logits = stages[-1] @ p["fc3.weight"].T + p["fc3.bias"]
        of = lambda labels: cross_entropy(logits, labels, weight=class_weights, label_smoothing=smoothing)
        loss = of(LABELS) if mix is None else share * of(LABELS) + (1 - share) * of(LABELS[PARTNERS])
        known = {name: w for name, w in p.items() if not name.startswith("original")}
        loss = loss + penalty(known, stages, x)
        if original:
            seen = stages[-1] @ p["original.weight"].T + p["original.bias"]
            expected = share * RELATION[LABELS] + (1 - share) * RELATION[LABELS[PARTNERS]]
            loss = loss - 1.7 * (expected * torch.log_softmax(seen, 1)).sum(1).mean()
        loss.backward()
        optimizer.step()
        if after:
            after(p)
    return [sums(w.detach()) for w in p.values()]


def drawn(dropout, stochastic_depth, frozen=False):
    """What is dropped is drawn by PyTorch's generator from a seed, in the order in which the network asks."""
    network = torchvision.models.efficientnet_b0(num_classes=2, dropout=dropout, stochastic_depth_prob=stochastic_depth)
    network = network.double().train()
    with torch.no_grad():
        for name, w in network.named_parameters():
            scale = (2 / w[0].numel()) ** 0.5 if w.dim() > 1 else 0.1
            w.copy_(waves(w.shape, scale) + (1.0 if w.dim() == 1 and name.endswith("weight") else 0.0))
        for name, s in network.named_buffers():
            if "running_" in name:
                s.copy_(waves(s.shape, 0.1) + (1.0 if name.endswith("var") else 0.0))
    for module in network.modules():
        if frozen and isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    pixels, labels = waves((4, 3, 32, 32), 1.0), torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True)
    for number in range(3):
        torch.manual_seed(batch_seed(0, FINE_TUNE, 1, number))
        optimizer.zero_grad()
        cross_entropy(network(pixels), labels).backward()
        optimizer.step()
    return [sums(w.detach()) for w in network.parameters()]


uneven = torch.tensor([0.5, 3.0])
result = {
    "plain": trained(),
    "weight_decay": trained(decay=0.2, decays=lambda w: w.dim() > 1),
    "weight_decay of all": trained(decay=0.2, decays=lambda w: True),
    "label_smoothing": trained(smoothing=0.1),
    "smoothing and class weights": trained(smoothing=0.1, class_weights=uneven),
    "mixup": trained(mix="mixup"),
    "cutmix": trained(mix="cutmix"),
    "cutmix with smoothing and class weights": trained(mix="cutmix", smoothing=0.1, class_weights=uneven),
    "l1": trained(l1),
    "l1 of all": trained(l1_of_all),
    "max_norm": trained(after=bounded),
    "l2_sp": trained(l2_sp),
    "delta": trained(delta),
    "spectral_shrinkage": trained(spectral_shrinkage),
    "co_tuning": trained(original=True),
    "co_tuning with mixup": trained(original=True, mix="mixup"),
    "dropout": drawn(0.4, 0.0),
    "stochastic_depth": drawn(0.0, 0.5),
    "neither": drawn(0.0, 0.0),
    "batch_norm frozen": drawn(0.0, 0.0, frozen=True),
}
path = pathlib.Path(__file__).with_name("regularized.json")
path.write_text(json.dumps(result, indent=1) + "\n")
