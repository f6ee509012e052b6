"""Reference values of the linear classifiers: writes linear.json next to itself.

    pip install numpy scipy scikit-learn
    python make_linear.py

Leave-one-out scores of the ridge regression are scikit-learn's RidgeCV (groups: a Ridge fitted without each); its
temperature is found by scipy. Logistic regressions are scikit-learn's, one a fold and one on all images.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV

RIDGE = [10 ** (-step / 2) for step in range(13)]
LOGISTIC = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5]
FOLDS = 5


def standardised(f, damping=0.0):
    """Rows of mean square length 1; columns divided by their deviation and a share of the mean deviation."""
    deviation = f.std(axis=0)
    varies = deviation > 1e-7 * deviation.max()
    x = np.zeros_like(f)
    usual = deviation[varies].mean()
    x[:, varies] = (f - f.mean(axis=0))[:, varies] / (deviation[varies] + damping * usual)
    return x / np.sqrt((x**2).sum(axis=1).mean())


def inverse_temperature(scores, t):
    share = 0.5 / (len(t) + 0.5)
    others = share / (t.shape[1] - 1)
    t = t * (1 - share - others) + others

    def cross_entropy(log):
        return -(t * log_softmax(np.exp(log) * scores, axis=1)).sum()

    logs = np.linspace(-12, 12, 200)
    near = min(logs, key=cross_entropy)
    found = minimize_scalar(cross_entropy, bounds=(near - 0.2, near + 0.2), method="bounded", options={"xatol": 1e-12})
    return float(np.exp(found.x))


def rounded(logs, y):
    """All log-probabilities, or those of the images' own classes where there are many."""
    return np.round(logs if logs.shape[1] < 10 else logs[np.arange(len(y)), y], 9).tolist()


def left_out_scores(x, t, groups, penalty):
    """Scores of each row by the regression without its group; the classes' shares are those of all rows."""
    n = len(t)
    alpha = penalty * n
    if len(set(groups)) == n:
        # With a scoring, cv_results_ has the predictions.
        cv = RidgeCV(alphas=[alpha], store_cv_results=True, scoring="neg_mean_squared_error").fit(x, t)
        scores = cv.cv_results_[:, :, 0]
    else:
        scores = np.zeros_like(t)
        for group in set(groups):
            held = groups == group
            scores[held] = Ridge(alpha=alpha, solver="svd").fit(x[~held], t[~held]).predict(x[held])
    for row, group in enumerate(groups):
        scores[row] += t.mean(axis=0) - t[groups != group].mean(axis=0)
    return scores


def ridge(f, y, groups):
    x, t = standardised(f, 1.0), np.eye(y.max() + 1)[y]
    counted = np.array([len(set(groups[y == label])) > 1 for label in y])
    best = None
    for penalty in RIDGE:
        scores = left_out_scores(x, t, groups, penalty)[counted]
        inverse = inverse_temperature(scores, t[counted])
        logs = log_softmax(scores * inverse, axis=1)
        loss = -(logs * t[counted]).sum(axis=1).mean()
        if best is None or loss < best["loss"]:
            model = Ridge(alpha=penalty * len(y), solver="svd").fit(x, t)
            best = {
                "penalty": penalty, "loss": float(loss), "log_probabilities": rounded(logs, y[counted]),
                "images": np.flatnonzero(counted).tolist(),
                "head": rounded(log_softmax(inverse * model.predict(x), axis=1), y),
            }
    return best


def logistic(f, y, folds):
    """The best penalty on damped features, and one of the fixed penalties on others."""
    best = logistic_on(standardised(f, 1.0), y, folds)["best"]
    return {"best": best, "fixed": logistic_on(standardised(f), y, folds)["fixed"]}


def logistic_on(x, y, folds):
    # For two classes scikit-learn has one vector where softmax has two of half its length, opposite.
    halved = 2 if y.max() == 1 else 1

    def model(rows, penalty):
        model = LogisticRegression(C=halved / (penalty * len(rows)), tol=1e-11, max_iter=1_000_000)
        return model.fit(x[rows], y[rows])

    rows = np.arange(len(y))
    results = []
    for penalty in LOGISTIC:
        logs = np.zeros((len(y), y.max() + 1))
        for fold in range(FOLDS):
            held = folds == fold
            logs[held] = model(rows[~held], penalty).predict_log_proba(x[held])
        results.append({"penalty": penalty, "loss": float(-logs[rows, y].mean()), "log_probabilities": rounded(logs, y)})
        if len(results) > 1 and results[-1]["loss"] >= results[-2]["loss"]:
            break
    best = min(results, key=lambda result: result["loss"])
    best["head"] = rounded(model(rows, best["penalty"]).predict_log_proba(x), y)
    return {"best": best, "fixed": results[min(2, len(results) - 1)]}


def features(n, d, y, signal, random):
    centres = random.normal(size=(y.max() + 1, d)) * signal
    return np.round(1.0 + centres[y] + random.normal(size=(n, d)) * (0.3 + random.random(d)), 3)


def case(name, f, y, groups=None, with_logistic=True):
    groups = np.arange(len(y)) if groups is None else groups
    # In each class the images go round the folds.
    place = np.array([(y[:i] == label).sum() for i, label in enumerate(y)])
    folds = place % FOLDS
    return {
        "name": name, "shape": list(f.shape), "features": f.ravel().tolist(), "labels": y.tolist(),
        "groups": groups.tolist(), "folds": folds.tolist(), "ridge": ridge(f, y, groups),
        "logistic": logistic(f, y, folds) if with_logistic else None,
    }


random = np.random.default_rng(0)
y3, y2 = np.arange(60) % 3, np.arange(30) % 2
wide, few = features(60, 8, y3, 0.6, random), features(30, 50, y2, 0.4, random)
doubled = np.hstack([wide, wide[:, :3], np.full((60, 2), 7.0)])
lone = np.append(np.arange(40) % 3, 3)
many = np.arange(300) % 100
cases = [
    case("more images than features", wide, y3),
    case("fewer images than features, two classes", few, y2),
    case("doubled and constant features", doubled, y3),
    case("a class of one image", features(41, 6, lone, 0.8, random), lone, with_logistic=False),
    case("groups of images", wide, y3, groups=np.arange(60) // 5),
    case("groups, fewer images than features", few, y2, groups=np.arange(30) // 4),
    case("a hundred classes", features(300, 12, many, 2.0, random), many, with_logistic=False),
]
path = pathlib.Path(__file__).with_name("linear.json")
path.write_text(json.dumps(cases) + "\n")
for c in cases:
    print(c["name"], c["ridge"]["penalty"], c["ridge"]["loss"], c["logistic"] and (c["logistic"]["best"]["penalty"], c["logistic"]["best"]["loss"]))
