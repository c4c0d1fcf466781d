"""Makes fixtures/shap.json: small ensembles of LightGBM and XGBoost in the form of `TreeEnsemble`, rows, and what the
package shap says of each. Run it where PyPI is reached:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install lightgbm xgboost shap
    /tmp/venv/bin/python models/trees/testing/make-fixtures.py
"""
import json
import pathlib

import lightgbm
import numpy as np
import shap
import xgboost

COLUMNS = 5
ROWS = 25
CATEGORIES = 12
PARAMETERS = ("column", "threshold", "left", "right", "missingLeft", "value", "cover", "gain")


class Ensemble:
    """Nodes in the order in which they are added; a child is added after its parent."""

    def __init__(self, categorical):
        self.columns = [
            {"name": str(column), **({"categories": [str(each) for each in range(CATEGORIES)]} if column in categorical else {})}
            for column in range(COLUMNS)
        ]
        self.roots, self.sets = [], []
        self.nodes = {name: [] for name in PARAMETERS}

    def add(self, **fields):
        for name in PARAMETERS:
            self.nodes[name].append(fields.get(name, 0))
        return len(self.nodes["column"]) - 1

    def split(self, column, threshold, missing_left, cover, gain, left, right):
        node = self.add(column=column, threshold=float(threshold), missingLeft=int(missing_left), cover=cover, gain=gain)
        self.nodes["left"][node] = left()
        self.nodes["right"][node] = right()
        return node

    def leaf(self, value, cover):
        return self.add(column=-1, value=float(value), cover=cover)

    def as_json(self, base):
        starts = np.cumsum([0] + [len(each) for each in self.sets]).tolist()
        return {
            "columns": self.columns, "base": base, "roots": self.roots, **self.nodes,
            "setStarts": starts, "categories": [category for each in self.sets for category in each],
        }


def at_most(threshold):
    """The float32 that splits float32 numbers as <= does by this float64."""
    with np.errstate(over="ignore"):  # LightGBM's largest is 1e300
        rounded = np.float32(threshold)
    return rounded if np.float64(rounded) <= threshold else np.nextafter(rounded, np.float32(-np.inf))


def below(threshold):
    """The float32 that splits by <= as < does by this one."""
    return np.nextafter(np.float32(threshold), np.float32(-np.inf))


def data(random):
    x = random.normal(size=(400, COLUMNS)).astype(np.float32)
    x[random.uniform(size=x.shape) < 0.1] = np.nan
    x[:, 1] = np.round(x[:, 1] * 4) / 4
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + np.nan_to_num(np.abs(x[:, 2])) + random.normal(0, 0.1, 400)
    return x, y


def of_lightgbm(random):
    x, y = data(random)
    x[:, 4] = random.integers(0, CATEGORIES, len(x))
    y += np.isin(x[:, 4], [1, 5, 6, 9])
    parameters = {"objective": "regression", "num_leaves": 12, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1,
                  "max_cat_to_onehot": 1, "learning_rate": 0.3, "verbose": -1, "num_threads": 1, "seed": 1}
    set_ = lightgbm.Dataset(x, y, categorical_feature=[4])
    booster = lightgbm.train(parameters, set_, num_boost_round=8)
    ensemble = Ensemble({4})

    def add(node):
        if "leaf_value" in node:
            return ensemble.leaf(node["leaf_value"], node["leaf_count"])
        children = (lambda: add(node["left_child"])), (lambda: add(node["right_child"]))
        if node["decision_type"] == "==":
            ensemble.sets.append(sorted(int(each) for each in node["threshold"].split("||")))
            threshold, missing_left = len(ensemble.sets) - 1, False
        else:
            assert node["missing_type"] == "NaN", node["missing_type"]
            threshold, missing_left = at_most(node["threshold"]), node["default_left"]
        return ensemble.split(node["split_feature"], threshold, missing_left, node["internal_count"], node["split_gain"], *children)

    for tree in booster.dump_model()["tree_info"]:
        ensemble.roots.append(add(tree["tree_structure"]))
    rows = x[:ROWS].copy()
    rows[0, 4] = np.nan
    thresholds = [t for t, c in zip(ensemble.nodes["threshold"], ensemble.nodes["column"]) if c == 0]
    rows[1:4, 0] = thresholds[:3]
    assert ensemble.sets, "there is a categorical split"
    values = booster.predict(rows.astype(np.float64), pred_contrib=True)
    explainer = shap.TreeExplainer(booster)
    assert np.allclose(explainer.shap_values(rows.astype(np.float64)), values[:, :-1], atol=1e-12)
    return ensemble.as_json(0.0), rows, booster.predict(rows.astype(np.float64)), values[:, :-1], values[0, -1]


def of_xgboost(random):
    x, y = data(random)
    parameters = {"max_depth": 5, "eta": 0.3, "nthread": 1, "seed": 1, "base_score": 0.5, "objective": "reg:squarederror"}
    booster = xgboost.train(parameters, xgboost.DMatrix(x, y), num_boost_round=6)
    ensemble = Ensemble(set())
    for tree in booster.get_dump(dump_format="json", with_stats=True):
        def add(node):
            if "leaf" in node:
                return ensemble.leaf(node["leaf"], node["cover"])
            by = {child["nodeid"]: child for child in node["children"]}
            children = (lambda: add(by[node["yes"]])), (lambda: add(by[node["no"]]))
            missing_left = node["missing"] == node["yes"]
            return ensemble.split(
                int(node["split"][1:]), below(node["split_condition"]), missing_left, node["cover"], node["gain"], *children
            )
        ensemble.roots.append(add(json.loads(tree)))
    rows = x[:ROWS].copy()
    thresholds = [t for t, c in zip(ensemble.nodes["threshold"], ensemble.nodes["column"]) if c == 0]
    rows[1:4, 0] = thresholds[:3]
    rows[4:7, 0] = [np.nextafter(np.float32(t), np.float32(np.inf)) for t in thresholds[:3]]
    explainer = shap.TreeExplainer(booster)
    values = explainer.shap_values(rows)
    return ensemble.as_json(0.5), rows, booster.predict(xgboost.DMatrix(rows)), values, explainer.expected_value


if __name__ == "__main__":
    made = {}
    for name, make in {"lightgbm": of_lightgbm, "xgboost": of_xgboost}.items():
        ensemble, rows, scores, values, expected = make(np.random.default_rng(1))
        made[name] = {
            "ensemble": ensemble,
            "rows": [[None if value != value else float(value) for value in row] for row in rows],
            "scores": [float(score) for score in scores],
            "values": [[float(value) for value in row] for row in values],
            "expected": float(expected),
        }
    path = pathlib.Path(__file__).parent / "fixtures" / "shap.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
