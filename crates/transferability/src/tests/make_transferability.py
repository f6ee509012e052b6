"""Reference values of the transferability scores and of the linear probe: writes transferability.json beside itself.

    pip install numpy scipy scikit-learn
    python make_transferability.py

LogME is the largest log evidence of a Bayesian linear model, found here by a general optimiser on scipy's density of the
labels, not by the fixed point of the paper. The H-score is the published trace on scikit-learn's Ledoit-Wolf covariance.
The probe is scikit-learn's logistic regression.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression

PENALTIES = [1e-2, 1e-3, 1e-4]
FOLDS = 5


def logme(f, y):
    """Mean over the classes of max over alpha, beta of log N(y; 0, 1/beta + f f'/alpha), per image."""
    n = len(y)
    evidences = []
    for c in range(y.max() + 1):
        target = (y == c).astype(float)

        def negative(logs):
            alpha, beta = np.exp(logs)
            covariance = np.eye(n) / beta + f @ f.T / alpha
            return -multivariate_normal(np.zeros(n), covariance).logpdf(target) / n

        starts = [(0.0, 0.0), (3.0, 2.0), (6.0, 1.0)]
        best = min(
            (minimize(negative, s, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 10000})
             for s in starts),
            key=lambda r: r.fun,
        )
        evidences.append(-best.fun)
    return float(np.mean(evidences))


def h_score(f, y):
    fitted = LedoitWolf().fit(f)
    means = np.zeros_like(f)
    for c in range(y.max() + 1):
        means[y == c] = f[y == c].mean(axis=0)
    between = np.cov(means, rowvar=False, bias=True)
    score = np.trace(np.linalg.solve(fitted.covariance_, (1 - fitted.shrinkage_) * between))
    return float(score), float(fitted.shrinkage_)


def probe(f, y, folds):
    """Held-out loss and answers at each penalty, features standardised and scaled by the root of their number."""
    x = (f - f.mean(axis=0)) / f.std(axis=0) / np.sqrt(f.shape[1])
    results = []
    for penalty in PENALTIES:
        loss, said = 0.0, np.full(len(y), -1)
        for fold in range(FOLDS):
            held = folds == fold
            # For two classes scikit-learn has one vector where softmax has two of half its length, opposite.
            strength = penalty / 2 if y.max() == 1 else penalty
            model = LogisticRegression(
                C=1 / (strength * np.sum(~held)), tol=1e-10, max_iter=1_000_000)
            model.fit(x[~held], y[~held])
            probabilities = model.predict_proba(x[held])
            loss -= np.log(probabilities[np.arange(held.sum()), y[held]]).sum()
            said[held] = model.predict(x[held])
        results.append({"penalty": penalty, "loss": loss / len(y), "right": (said == y).tolist()})
    return min(results, key=lambda r: r["loss"]), [r["loss"] for r in results]


def case(n, d, classes, signal, seed):
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = random.normal(size=(classes, d)) * signal
    f = np.round(1.0 + centres[y] + random.normal(size=(n, d)) * (0.3 + random.random(d)), 4)
    folds = np.array([(i // classes) % FOLDS for i in range(n)])
    score, shrinkage = h_score(f, y)
    best, losses = probe(f, y, folds)
    return {
        "shape": [n, d], "features": f.ravel().tolist(), "labels": y.tolist(), "folds": folds.tolist(),
        "logme": logme(f, y), "h_score": score, "shrinkage": shrinkage,
        "probe": best, "losses": losses,
    }


cases = [case(60, 8, 3, 0.5, 0), case(30, 50, 2, 0.4, 1), case(50, 20, 5, 0.6, 2)]
path = pathlib.Path(__file__).with_name("transferability.json")
path.write_text(json.dumps(cases) + "\n")
for c in cases:
    print(c["shape"], {k: c[k] for k in ("logme", "h_score", "shrinkage", "losses")}, c["probe"]["penalty"])
