#!/usr/bin/env python3
"""Writes reference.json: each technique from its formula, in float64, with the gradients of Python's autograd.

    pip install torch==2.11.0 torchvision==0.26.0 numpy && python3 reference.py

A tensor is {"shape": [..], "data": [..]}. The formulas are written out: PyTorch's own losses are not used. CutMix's patches are
TorchVision's, and what dropout and stochastic depth draw is what PyTorch's generator gives for a seed.
"""

import json
import math
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torchvision import ops
from torchvision.transforms import v2

torch.set_default_dtype(torch.float64)
random = np.random.default_rng(20)


def draw(*shape):
    return torch.tensor(random.normal(size=shape)).requires_grad_()


def pack(x):
    x = torch.as_tensor(x).detach()
    return {"shape": list(x.shape), "data": x.flatten().tolist()}


def with_gradients(value, *inputs):
    value.backward()
    result = {"value": value.item(), "gradients": [pack(x.grad) for x in inputs]}
    for x in inputs:
        x.grad = None
    return result


def l1():
    weights = [draw(3, 2, 2, 2), draw(4, 3)]
    with torch.no_grad():
        weights[1][0, 0] = 0.0
    return {"weights": [pack(w) for w in weights], **with_gradients(sum(abs(w).sum() for w in weights), *weights)}


def max_norm():
    cases = []
    for shape in [(4, 3), (3, 2, 2, 2)]:
        w = draw(*shape).detach().numpy()
        w[1] = 0.0
        limit = 1.5
        after = w.copy()
        for unit in after:
            length = np.sqrt((unit ** 2).sum())
            if length > limit:
                unit *= limit / length
        cases.append({"before": pack(w), "limit": limit, "after": pack(after)})
    return cases


def negative_log(logits):
    return torch.log(torch.exp(logits).sum(1, keepdim=True)) - logits  # -log softmax


def of_labels(logits, labels, smoothing, weights):
    """Szegedy et al.'s target; a class's loss counts by its weight, and the mean is by the labels' weights."""
    classes = logits.shape[1]
    target = smoothing / classes + (1 - smoothing) * (labels[:, None] == torch.arange(classes)).double()
    return (target * weights * negative_log(logits)).sum() / weights[labels].sum()


def cross_entropy():
    classes, count = 4, 5
    logits = draw(count, classes)
    labels = torch.tensor([0, 3, 1, 1, 2])
    partners = torch.tensor([2, 0, 4, 3, 1])
    soft = torch.softmax(draw(count, classes).detach(), 1)
    uneven = torch.tensor([0.5, 1.0, 2.0, 0.25])
    cases = []
    for smoothing in (0.0, 0.1):
        for weights in (None, uneven):
            w = torch.ones(classes) if weights is None else weights
            packed = None if weights is None else pack(weights)
            common = {"smoothing": smoothing, "class_weights": packed}
            loss = of_labels(logits, labels, smoothing, w)
            cases.append({"kind": "labels", **common, **with_gradients(loss, logits)})
            loss = 0.3 * of_labels(logits, labels, smoothing, w)
            loss = loss + 0.7 * of_labels(logits, labels[partners], smoothing, w)
            cases.append({"kind": "mixed", "share": 0.3, **common, **with_gradients(loss, logits)})
            target = smoothing / classes + (1 - smoothing) * soft
            loss = (target * w * negative_log(logits)).sum() / count
            cases.append({"kind": "soft", **common, **with_gradients(loss, logits)})
    return {"logits": pack(logits), "labels": labels.tolist(), "partners": partners.tolist(), "soft": pack(soft),
            "cases": cases}


def mixing():
    pixels = draw(3, 2, 5, 4).detach().numpy()
    partners = [2, 0, 1]
    mixed = np.stack([0.35 * pixels[i] + 0.65 * pixels[partner] for i, partner in enumerate(partners)])
    cut = pixels.copy()
    for i, partner in enumerate(partners):
        cut[i, :, 1:4, 2:4] = pixels[partner, :, 1:4, 2:4]
    return {"pixels": pack(pixels), "partners": partners, "share": 0.35, "mixup": pack(mixed),
            "patch": [1, 4, 2, 4], "cutmix": pack(cut)}


def patches():
    """What TorchVision's CutMix makes of a share and a centre."""
    result = []
    for height, width in [(32, 32), (7, 13), (1, 1)]:
        transform = v2.CutMix(num_classes=10)
        for share in (0.0, 0.13, 0.5, 0.77, 0.99, 1.0):
            for _ in range(6):
                x, y = int(random.integers(width)), int(random.integers(height))
                places = iter([torch.tensor([x]), torch.tensor([y])])
                transform._dist = mock.Mock(sample=lambda _: torch.tensor([share]))
                with mock.patch("torch.randint", lambda *_, **__: next(places)):
                    made = transform.make_params([torch.zeros(2, 3, height, width)])
                left, top, right, bottom = [int(edge) for edge in made["box"]]
                result.append({"share": share, "centre": [y, x], "size": [height, width],
                               "patch": [top, bottom, left, right], "left": float(made["lam_adjusted"])})
    return result


def l2_sp():
    now, source, new = [draw(3, 4), draw(5)], [draw(3, 4), draw(5)], draw(2, 5)
    alpha, beta = 0.3, 0.07
    value = alpha / 2 * sum(((w - s.detach()) ** 2).sum() for w, s in zip(now, source)) + beta / 2 * (new ** 2).sum()
    return {"now": [pack(w) for w in now], "source": [pack(s) for s in source], "new": pack(new), "alpha": alpha,
            "beta": beta, **with_gradients(value, *now, new)}


def delta():
    count = 3
    shapes = [(count, 4, 5, 2), (count, 6, 1, 1), (count, 3)]
    now, source = [draw(*shape) for shape in shapes], [draw(*shape).detach() for shape in shapes]
    attention = [torch.softmax(draw(shape[1]).detach(), 0) for shape in shapes]
    new = draw(2, 3)
    alpha, beta = 0.4, 0.02
    value = beta / 2 * (new ** 2).sum()
    for n, s, a in zip(now, source, attention):
        channels = n.shape[1]
        area = n[0, 0].numel()
        for image in range(count):
            for channel in range(channels):
                square = ((n[image, channel] - s[image, channel]) ** 2).sum()
                value = value + alpha / 2 * channels / area * a[channel] * square / count
    return {"now": [pack(n) for n in now], "source": [pack(s) for s in source], "attention": [pack(a) for a in attention],
            "new": pack(new), "alpha": alpha, "beta": beta, **with_gradients(value, *now, new)}


def attention():
    features, head = draw(4, 5, 2, 2).detach().numpy(), draw(3, 5).detach().numpy()
    labels = [0, 2, 1, 2]

    def loss(maps):
        logits = maps.mean((2, 3)) @ head.T
        return np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, labels)])

    rises = []
    for channel in range(5):
        silenced = features.copy()
        silenced[:, channel] = 0
        rises.append(loss(silenced) - loss(features))
    standardised = (rises - np.mean(rises)) / np.std(rises)
    weights = np.exp(standardised / 5) / np.exp(standardised / 5).sum()
    return {"features": pack(features), "head": pack(head), "labels": labels, "importance": pack(np.array(rises)),
            "attention": pack(weights)}


def spectral_shrinkage():
    cases = []
    for shape, k, eta in [((4, 7), 1, 0.001), ((6, 3), 2, 0.5), ((3, 5), 9, 0.1), ((1, 4), 1, 1.0)]:
        features = draw(*shape)
        # The squares of the singular values are the eigenvalues of the smaller product.
        product = features @ features.T if shape[0] < shape[1] else features.T @ features
        value = eta * torch.linalg.eigvalsh(product)[:min(k, *shape)].sum()
        cases.append({"features": pack(features), "k": k, "eta": eta, **with_gradients(value, features)})
    return cases


def co_tuning():
    logits = draw(7, 5).detach().numpy()
    labels, targets, scale, strength = [0, 2, 2, 0, 1, 2, 0], 4, 0.8, 1.7
    chances = np.exp(logits * scale) / np.exp(logits * scale).sum(1, keepdims=True)
    relationship = np.full((targets, 5), 1 / 5)
    for target in range(3):
        relationship[target] = np.mean([row for row, label in zip(chances, labels) if label == target], 0)
    now = draw(3, 5)
    batch, other = [2, 0, 1], [1, 3, 2]
    table = torch.tensor(relationship)
    loss = strength * (table[batch] * negative_log(now)).sum(1).mean()
    plain = with_gradients(loss, now)
    loss = strength * ((0.6 * table[batch] + 0.4 * table[other]) * negative_log(now)).sum(1).mean()
    return {"logits": pack(logits), "labels": labels, "targets": targets, "scale": scale, "lambda": strength,
            "relationship": pack(relationship), "now": pack(now), "batch": batch, "other": other, "share": 0.6,
            "plain": plain, "mixed": with_gradients(loss, now)}


def dropped(drawn, shape, rate, seed):
    """Values that survive a draw are divided by the chance to survive, others are zero; `drawn` says which survive."""
    x, weight = draw(*shape), draw(*shape).detach()
    torch.manual_seed(seed)
    kept = drawn(torch.ones(shape), rate) != 0
    value = (weight * torch.where(kept, x / (1 - rate) if rate < 1 else x, 0.0)).sum()
    return {"x": pack(x), "weight": pack(weight), "rate": rate, "seed": seed, "kept": pack(kept.double()),
            **with_gradients(value, x)}


def dropout():
    drawn = lambda x, rate: torch.nn.functional.dropout(x, rate, training=True)
    return [dropped(drawn, shape, rate, 7) for shape, rate in [((4, 9), 0.5), ((3, 2, 5, 5), 0.2), ((2, 3), 0.0)]]


def stochastic_depth():
    drawn = lambda x, rate: ops.stochastic_depth(x, rate, mode="row", training=True)
    cases = [((16, 3, 2, 2), 0.5), ((9, 4), 0.2), ((3, 2), 0.0), ((3, 2), 1.0)]
    return [dropped(drawn, shape, rate, 8) for shape, rate in cases]


def early_stopping():
    """For each validation loss: is it the best so far, worse, or late enough after the best that training stops?"""
    runs = [[3.0, 2.0, 2.0, 1.0, 1.5, 1.4, 1.3, 1.2], [1.0, 2.0, 3.0, 0.5], [float("nan"), 4.0, float("nan"), 3.0, 3.0]]
    runs += [(1 / np.arange(1, 25) + random.normal(scale=0.05, size=24)).tolist() for _ in range(4)]
    cases = []
    for losses in runs:
        for patience in (1, 2, 5):
            verdicts = []
            for epoch, loss in enumerate(losses):
                sofar = [math.inf if math.isnan(earlier) else earlier for earlier in losses[:epoch + 1]]
                best = int(np.argmin(sofar))  # the first of equals
                since = epoch - best if min(sofar) < math.inf else epoch + 1
                verdicts.append("best" if since == 0 else "stop" if since >= patience else "worse")
                if since >= patience:
                    break
            json_losses = [None if math.isnan(loss) else loss for loss in losses]  # JSON has no NaN
            cases.append({"losses": json_losses, "patience": patience, "verdicts": verdicts})
    return cases


if __name__ == "__main__":
    techniques = [l1, max_norm, cross_entropy, mixing, patches, l2_sp, delta, attention, spectral_shrinkage, co_tuning,
                  dropout, stochastic_depth, early_stopping]
    reference = {technique.__name__: technique() for technique in techniques}
    Path(__file__).with_suffix(".json").write_text(json.dumps(reference) + "\n")
