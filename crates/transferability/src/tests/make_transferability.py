"""Reference values of the transferability scores: writes transferability.json next to itself.

    pip install numpy scipy scikit-learn
    python make_transferability.py

LogME is the largest log evidence of a Bayesian linear model, found here by a general optimiser on scipy's density of the
labels, not by the fixed point of the paper. The H-score is the published trace on scikit-learn's Ledoit-Wolf covariance.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf


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


def case(n, d, classes, signal, seed):
    random = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = random.normal(size=(classes, d)) * signal
    f = np.round(1.0 + centres[y] + random.normal(size=(n, d)) * (0.3 + random.random(d)), 4)
    score, shrinkage = h_score(f, y)
    return {
        "shape": [n, d], "features": f.ravel().tolist(), "labels": y.tolist(),
        "logme": logme(f, y), "h_score": score, "shrinkage": shrinkage,
    }


cases = [case(60, 8, 3, 0.5, 0), case(30, 50, 2, 0.4, 1), case(50, 20, 5, 0.6, 2)]
path = pathlib.Path(__file__).with_name("transferability.json")
path.write_text(json.dumps(cases) + "\n")
for c in cases:
    print(c["shape"], {k: c[k] for k in ("logme", "h_score", "shrinkage")})
