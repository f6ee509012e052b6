"""Makes reference.json: figures of scikit-learn, and intervals of a bootstrap in NumPy with random numbers of its own.

Usage: python make_reference.py > reference.json   (NumPy 2, scikit-learn 1)
"""

import json

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score, top_k_accuracy_score

DRAWS = 1000


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


def one_class(is_of, is_predicted, scores):
    """F1, AUROC and average precision from their definitions: scikit-learn would take minutes for all draws."""
    f1 = 2 * (is_of & is_predicted).sum() / (is_of.sum() + is_predicted.sum())
    positive, negative = scores[is_of][:, None], scores[~is_of][None, :]
    auroc = (positive > negative).mean() + 0.5 * (positive == negative).mean()
    thresholds = np.unique(scores)[::-1]
    reached = scores[None, :] >= thresholds[:, None]
    precision = (reached & is_of).sum(axis=1) / reached.sum(axis=1)
    recall = (reached & is_of).sum(axis=1) / is_of.sum()
    return f1, auroc, (np.diff(recall, prepend=0) * precision).sum()


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
    members = [np.flatnonzero(labels == c) for c in present]
    draws = []
    for _ in range(DRAWS):
        chosen = np.concatenate([random.choice(of_class, size=len(of_class)) for of_class in members])
        drawn = [one_class(labels[chosen] == c, predicted[chosen] == c, probabilities[chosen, c]) for c in present]
        draws.append(np.mean(drawn, axis=0))
    return {
        "classes": classes,
        "labels": labels.tolist(),
        "logits": logits.flatten().tolist(),
        "present": present,
        "figures": figures(labels, predicted, probabilities, present),
        "intervals": np.quantile(draws, [0.025, 0.975], axis=0).T.tolist(),
    }


print(json.dumps([case(1, 3, [], 90, 1.2, 20), case(2, 12, [3, 7], 160, 2.0, 30), case(3, 2, [], 60, 0.3, 10)]))
