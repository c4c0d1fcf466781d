"""Makes fixtures/scikit-learn.json: scores with labels and weights, and the probabilities that scikit-learn's calibrators
give them. Run it where PyPI is reached:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scikit-learn
    /tmp/venv/bin/python models/calibration/testing/make-fixtures.py
"""
import json
import pathlib

import numpy as np
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression


def cases(random):
    scores = random.normal(size=120).astype(np.float32)
    labels = (random.uniform(size=120) < 1 / (1 + np.exp(-2 * scores - 0.5))).astype(int)
    yield "plain", scores, labels, None
    yield "weighted", scores, labels, random.integers(0, 4, 120) / 2
    yield "tied", np.round(scores * 2) / 2, labels, random.integers(1, 3, 120)
    yield "far from zero", (1000 + 50 * scores).astype(np.float32), labels, None
    yield "descending", -scores, labels, None


if __name__ == "__main__":
    random = np.random.default_rng(1)
    made = []
    for name, *columns in cases(random):
        scores, labels, weights = (None if each is None else each.astype(np.float64) for each in columns)
        asked = np.concatenate([np.linspace(scores.min() - 1, scores.max() + 1, 40), scores[:10]]).astype(np.float32).astype(np.float64)
        isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels, weights)
        platt = _SigmoidCalibration().fit(scores, labels, weights)
        listed = lambda values: [float(value) for value in values]
        made.append({
            "name": name,
            "scores": listed(scores),
            "labels": listed(labels),
            **({} if weights is None else {"weights": listed(weights)}),
            "asked": listed(asked),
            "isotonic": listed(isotonic.predict(asked)),
            "platt": listed(platt.predict(asked)),
        })
    path = pathlib.Path(__file__).parent / "fixtures" / "scikit-learn.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
