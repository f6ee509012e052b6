"""Makes reference.json: figures of scikit-learn, and intervals of a bootstrap in NumPy with random numbers of its own.

Usage: python make_reference.py > reference.json   (NumPy 2, scikit-learn 1)
"""

import json

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score, top_k_accuracy_score

DRAWS = 300


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def figures(labels, predicted, probabilities, present):
    f1 = f1_score(labels, predicted, labels=present, average=None, zero_division=0)
    found = {"f1": f1.tolist(), "macro_f1": float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0))}
    auroc = [float(roc_auc_score(labels == c, probabilities[:, c])) for c in present]
    precision = [float(average_precision_score(labels == c, probabilities[:, c])) for c in present]
    found |= {"auroc": auroc, "macro_auroc": float(np.mean(auroc))}
    found |= {"average_precision": precision, "macro_average_precision": float(np.mean(precision))}
    if probabilities.shape[1] >= 10:
        every = range(probabilities.shape[1])
        found["top_5"] = float(top_k_accuracy_score(labels, probabilities, k=5, labels=every))
    return found


def case(seed, classes, absent, images, strength, copies):
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(classes, 2.0))
    shares[absent] = 0
    labels = random.choice(classes, size=images, p=shares / shares.sum())
    logits = random.normal(size=(images, classes))
    logits[np.arange(images), labels] += strength
    # What 32 bits hold exactly. Copies of whole rows are ties, and there are no others, which rounding might break.
    logits = np.round(logits * 4096) / 4096
    logits[:copies] = logits[-copies:]
    probabilities = softmax(logits / 1.5)
    predicted = logits.argmax(axis=1)
    present = sorted(set(labels.tolist()))
    draws = []
    # Of many classes scikit-learn takes minutes.
    count = DRAWS if classes < 10 else 0
    members = [np.flatnonzero(labels == c) for c in present]
    for _ in range(count):
        chosen = np.concatenate([random.choice(of_class, size=len(of_class)) for of_class in members])
        found = figures(labels[chosen], predicted[chosen], probabilities[chosen], present)
        draws.append([found[key] for key in ("macro_f1", "macro_auroc", "macro_average_precision")])
    return {
        "classes": classes,
        "labels": labels.tolist(),
        "logits": logits.flatten().tolist(),
        "present": present,
        "figures": figures(labels, predicted, probabilities, present),
        "intervals": np.quantile(draws, [0.025, 0.975], axis=0).T.tolist() if draws else [],
    }


print(json.dumps([case(1, 3, [], 90, 1.2, 20), case(2, 12, [3, 7], 160, 2.0, 30), case(3, 2, [], 60, 0.3, 10)]))
