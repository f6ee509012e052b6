"""Flags and joints of cleanlab 2.9.0 on made-up probabilities, for tests/audit.rs: python make_joint.py > joint.json"""

import json

import numpy as np
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues

cases = []
for seed, (images, classes, noise, sharpness) in enumerate(
    [(60, 2, 0.1, 2.0), (200, 3, 0.2, 1.5), (150, 5, 0.3, 1.0), (40, 4, 0.0, 3.0), (80, 2, 0.45, 0.5), (30, 6, 0.2, 2.0)]
):
    draw = np.random.default_rng(seed)
    true = draw.integers(0, classes, images)
    true[:classes] = range(classes)
    labels = np.where(draw.random(images) < noise, draw.integers(0, classes, images), true)
    labels[:classes] = range(classes)
    logits = draw.normal(size=(images, classes)) + sharpness * np.eye(classes)[true]
    p = np.exp(logits)
    p = np.round(p / p.sum(1, keepdims=True), 6)
    cases.append(
        {
            "labels": labels.tolist(),
            "probabilities": p.tolist(),
            "joint": compute_confident_joint(labels, p).tolist(),
            "flagged": find_label_issues(labels, p, filter_by="prune_by_noise_rate", n_jobs=1).tolist(),
        }
    )
print(json.dumps(cases))
