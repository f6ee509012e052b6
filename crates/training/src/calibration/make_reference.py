"""Writes reference.json: temperature and calibration error as Python finds them.

    python make_reference.py        (PyTorch 2.11, SciPy 1.17)

The scores are sums of sines, which the Rust test computes as well. The temperature is the minimum of PyTorch's cross-entropy
in float64, found by SciPy; the calibration error is that of the paper's own code (ECELoss in G. Pleiss's
temperature_scaling), over 15 bins.
"""

import json
import pathlib

import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy, softmax

BINS = 15


def scores(images, classes, scale):
    at = torch.arange(images * classes, dtype=torch.float64)
    logits = ((at * 1.7).sin() * 3 + (at * at * 0.37).sin() * 2).view(images, classes) * scale
    return logits.float().double()


def labels(logits, every):
    """The best class, but for each `every`th image the worst and for the one after it the second best."""
    order = logits.argsort(dim=1, descending=True)
    picked = order[:, 0].clone()
    picked[::every] = order[::every, -1]
    picked[1::every] = order[1::every, 1]
    return picked


def calibration_error(logits, truth):
    confidences, predictions = softmax(logits, dim=1).max(1)
    right = predictions.eq(truth)
    edges = torch.linspace(0, 1, BINS + 1, dtype=torch.float64)
    error = torch.zeros(1, dtype=torch.float64)
    for lower, upper in zip(edges[:-1], edges[1:]):
        inside = confidences.gt(lower) & confidences.le(upper)
        if inside.any():
            gap = (confidences[inside].mean() - right[inside].double().mean()).abs()
            error += gap * inside.double().mean()
    return error.item()


def case(images, classes, scale, every):
    logits = scores(images, classes, scale)
    truth = labels(logits, every)
    loss = lambda temperature: cross_entropy(logits / temperature, truth).item()
    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10})
    temperature = round(best.x, 4)
    return {
        "images": images, "classes": classes, "scale": scale, "every": every, "labels": truth.tolist(),
        "temperature": temperature,
        "raw": {"loss": loss(1.0), "error": calibration_error(logits, truth)},
        "scaled": {"loss": loss(temperature), "error": calibration_error(logits / temperature, truth)},
    }


def main():
    cases = [case(200, 2, 1.0, 9), case(120, 5, 0.2, 7), case(400, 10, 2.0, 5), case(60, 3, 1.0, 2), case(150, 4, 0.05, 40)]
    path = pathlib.Path(__file__).with_name("reference.json")
    path.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in cases) + "\n]\n")
    for entry in cases:
        print({key: value for key, value in entry.items() if key != "labels"})


main()
