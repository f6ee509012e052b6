"""Writes goldens.json: what PyTorch's optimizers, schedulers, losses and clipping compute, in float64.

    python make_goldens.py        (PyTorch 2.11)
"""

import json
import pathlib

import torch
from torch.nn.functional import cross_entropy
from torch.optim import lr_scheduler as schedulers

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)

X, Y = torch.randn(5, 3), torch.randn(5, 2)
W, B = torch.randn(3, 2), torch.randn(2)
STEPS = 8


def trajectory(make, schedule=None, clip=None):
    """Weights after each step of least squares on (X, Y)."""
    w, b = W.clone().requires_grad_(), B.clone().requires_grad_()
    # Decay for the matrix only, and a rate of its own for the bias.
    optimizer = make([{"params": [w]}, {"params": [b], "lr": 0.02, "weight_decay": 0.0}])
    schedule = schedule and schedule(optimizer)
    weights = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((X @ w + b - Y) ** 2).mean().backward()
        if clip:
            clip([w, b])
        optimizer.step()
        if schedule:
            schedule.step()
        weights.append(torch.cat([w.flatten(), b]).tolist())
    return weights


def cycle(optimizer):
    return schedulers.OneCycleLR(optimizer, max_lr=[0.05, 0.02], total_steps=STEPS)


optim, norm, value = torch.optim, torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_
sgd = lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
adamw = lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.1)
rmsprop = lambda m: lambda p: optim.RMSprop(p, lr=0.05, weight_decay=0.1, momentum=m)
trajectories = {
    "sgd": trajectory(sgd),
    "sgd without momentum": trajectory(lambda p: optim.SGD(p, lr=0.05, weight_decay=0.1)),
    "adam": trajectory(lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1)),
    "adam with other betas": trajectory(lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-3)),
    "adamw": trajectory(adamw),
    "rmsprop": trajectory(rmsprop(0.0)),
    "rmsprop with momentum": trajectory(rmsprop(0.5)),
    "sgd over one cycle": trajectory(sgd, cycle),
    "adamw over one cycle": trajectory(adamw, cycle),
    "rmsprop over one cycle": trajectory(rmsprop(0.5), cycle),
    "sgd clipped by norm": trajectory(sgd, clip=lambda p: norm(p, 0.5)),
    "sgd clipped by value": trajectory(sgd, clip=lambda p: value(p, 0.2)),
}


def rates(schedule, steps, momentum=False):
    """Rate (and momentum) at each step of an optimizer of rate 0.4."""
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4, momentum=0.9)
    schedule = schedule(optimizer)
    said = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        said.append([group["lr"], group["momentum"]] if momentum else group["lr"])
        optimizer.step()
        schedule.step()
    return said


def warm(steps, then):
    """A warm-up of a number of steps, then another schedule."""

    def make(optimizer):
        rising = schedulers.LinearLR(optimizer, start_factor=1 / (steps + 1), total_iters=steps)
        return schedulers.SequentialLR(optimizer, [rising, then(optimizer)], milestones=[steps])

    return make


def warm_plateau(losses):
    """Rate at each of four steps an epoch: a warm-up over six steps, reduced after epochs whose loss does not fall."""
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    rising = schedulers.LinearLR(optimizer, start_factor=1 / 7, total_iters=6)
    reducing = schedulers.ReduceLROnPlateau(optimizer, factor=0.3, patience=0, threshold=0.01, min_lr=0.4 * 0.05)
    said = []
    for loss in losses:
        for _ in range(4):
            said.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            rising.step()
        reducing.step(loss)
    return said


def plateau(losses):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = schedulers.ReduceLROnPlateau(optimizer, factor=0.3, patience=2, threshold=0.01, min_lr=0.05)
    said = []
    for loss in losses:
        schedule.step(loss)
        said.append(optimizer.param_groups[0]["lr"])
    return said


losses = [1.0, 0.9, 0.895, 0.9, 0.893, 0.8, 0.81, 0.81, 0.8, 0.79, 0.795, 0.8, 0.81, 0.82, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]

logits = torch.randn(6, 3)
labels = [0, 2, 2, 1, 2, 2]
weights = [2.0, 6.0, 0.5]
weighted = logits.clone().requires_grad_()
loss = cross_entropy(weighted, torch.tensor(labels), weight=torch.tensor(weights), label_smoothing=0.1)
loss.backward()

goldens = {
    "x": X.tolist(), "y": Y.tolist(), "w": W.tolist(), "b": B.tolist(),
    "trajectories": trajectories,
    "schedules": {
        # Five epochs of four steps; steps of the scheduler are steps of the optimizer.
        "cosine": rates(lambda o: schedulers.CosineAnnealingLR(o, T_max=20), 20),
        "step": rates(lambda o: schedulers.StepLR(o, step_size=2 * 4, gamma=0.3), 20),
        "one-cycle": rates(
            lambda o: schedulers.OneCycleLR(
                o, max_lr=0.4, total_steps=20, pct_start=0.25, div_factor=10, final_div_factor=100,
                base_momentum=0.8, max_momentum=0.9,
            ), 20, momentum=True,
        ),
        "warm one-cycle": rates(
            warm(6, lambda o: schedulers.OneCycleLR(
                o, max_lr=0.4, total_steps=14, pct_start=0.25, div_factor=10, final_div_factor=100,
                base_momentum=0.8, max_momentum=0.9,
            )), 20, momentum=True,
        ),
        "warm cosine": rates(warm(6, lambda o: schedulers.CosineAnnealingLR(o, T_max=14)), 20),
        "warm step": rates(warm(6, lambda o: schedulers.StepLR(o, step_size=2 * 4, gamma=0.3)), 20),
        "warm constant": rates(warm(6, lambda o: schedulers.ConstantLR(o, factor=1.0)), 20),
    },
    "plateau": {"losses": losses, "rates": plateau(losses)},
    "warm plateau": {"losses": losses[:8], "rates": warm_plateau(losses[:8])},
    "loss": {
        "logits": logits.tolist(), "labels": labels, "weights": weights, "smoothing": 0.1,
        "value": loss.item(), "gradient": weighted.grad.tolist(),
    },
}
place = pathlib.Path(__file__).with_name("goldens.json")
place.write_text(json.dumps(goldens, indent=1) + "\n")
