"""Makes reference.json: figures of NumPy and SciPy, and the balanced accuracy of scikit-learn by its formula.

Usage: python make_reference.py > reference.json   (NumPy 2, SciPy 1)
"""

import json

import numpy as np
from scipy import stats

random = np.random.default_rng(11)
SAMPLES = [[0.2, 0.4, 0.6], [3.0, 1.0, 10.0, 2.0], [7.5]] + [
    random.normal(size=count).tolist() for count in (2, 9, 10, 101)
]
SHARES = [0.0, 0.025, 0.1, 0.25, 0.5, 0.7, 0.975, 1.0]
COUNTS = [(0, 5), (1, 3), (5, 5), (180, 200), (197, 200), (1234, 5000)]
CONFUSION = [[12, 3, 0], [4, 9, 1], [0, 2, 30]]


def described(values):
    return {
        "values": values,
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "median": float(np.median(values)),
        "shares": SHARES,
        "quantiles": np.quantile(values, SHARES).tolist(),
    }


def wilson(correct, total):
    interval = stats.binomtest(correct, total).proportion_ci(0.95, method="wilson")
    return {"correct": correct, "total": total, "low": float(interval.low), "high": float(interval.high)}


def confused(counts):
    counts = np.array(counts)
    correct, images, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return {
        "counts": counts.tolist(),
        "recall": (correct / images).tolist(),
        "precision": (correct / predicted).tolist(),
        "accuracy": float(correct.sum() / counts.sum()),
        "balanced_accuracy": float((correct / images).mean()),
    }


print(
    json.dumps(
        {
            "described": [described(values) for values in SAMPLES],
            "wilson": [wilson(*counts) for counts in COUNTS],
            "confusion": confused(CONFUSION),
        }
    )
)
