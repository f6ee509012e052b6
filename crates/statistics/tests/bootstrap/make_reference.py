"""Makes reference.json: intervals by the pigeonhole bootstrap (Owen 2007) with NumPy.

Usage: python make_reference.py > reference.json   (NumPy 2)
"""

import json

import numpy as np

SEEDS, IMAGES, DRAWS = 3, 120, 200_000
random = np.random.default_rng(7)
hardness = random.random(IMAGES)
skill = np.array([[0.75], [0.80], [0.88]])
runs = (random.random((SEEDS, IMAGES)) * 0.4 + hardness * 0.6 < skill).astype(int)
others = (random.random((SEEDS, IMAGES)) * 0.4 + hardness * 0.6 < skill - 0.1).astype(int)


def interval(table):
    means = np.empty(DRAWS)
    for draw in range(DRAWS):
        rows = random.integers(SEEDS, size=SEEDS)
        columns = random.integers(IMAGES, size=IMAGES)
        means[draw] = table[np.ix_(rows, columns)].mean()
    return np.percentile(means, [2.5, 97.5]).tolist()


def written(table):
    return ["".join(map(str, row)) for row in table]


print(
    json.dumps(
        {
            "runs": written(runs),
            "others": written(others),
            "accuracy": interval(runs),
            "difference": interval(runs - others),
        }
    )
)
