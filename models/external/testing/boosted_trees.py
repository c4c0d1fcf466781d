"""Makes models of XGBoost, LightGBM and CatBoost with rows that lie exactly on each split, and one float32 above and below
it, among them rows without a value. Runs as part of make-fixtures.py, or alone where PyTorch is not at hand:

    /tmp/venv/bin/python models/external/testing/boosted_trees.py [DIRECTORY]
"""
import json
import re
import tempfile

import catboost
import lightgbm
import numpy as np
import xgboost
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from writing import FEATURES, MADE, examples, write

TREES = 8
CATEGORIES = 8
INPUTS = [{"name": "features", "type": "float32", "features": FEATURES}]
TYPES = [("features", FloatTensorType([None, len(FEATURES)]))]
PROBABILITIES = {"name": "probabilities", "type": "float32", "shape": ["rows", 2], "column": 1}


def data():
    random = np.random.default_rng(1)
    x, y = examples(random, 800)
    x[random.uniform(size=x.shape) < 0.1] = np.nan
    return x, y


def on_splits(x, splits):
    """Rows of x with a threshold, and both of its neighbours, in the column that it splits."""
    rows = [x[0] * np.nan, *x[:10]]
    for column, threshold in splits:
        exact = np.float32(threshold)
        for value in [exact, np.nextafter(exact, np.float32(np.inf)), np.nextafter(exact, np.float32(-np.inf))]:
            row = x[len(rows)].copy()
            row[column] = value
            rows.append(row)
    return np.array(rows, dtype=np.float32)


def of_xgboost():
    """It splits by <, of float32 numbers, as the graph does."""
    x, y = data()
    model = xgboost.XGBClassifier(n_estimators=TREES, max_depth=3, random_state=1, n_jobs=1).fit(x, y)
    splits = []

    def collect(node):
        if "leaf" in node:
            return
        splits.append((int(node["split"].removeprefix("f")), node["split_condition"]))
        for child in node["children"]:
            collect(child)

    for tree in model.get_booster().get_dump(dump_format="json"):
        collect(json.loads(tree))
    rows = on_splits(x, splits)
    graph = convert_xgboost(model, initial_types=TYPES)
    write("xgboost", graph, INPUTS, PROBABILITIES, rows, model.predict_proba(rows)[:, 1], indent=None)


def rounded_down(booster):
    """LightGBM splits by <=, of float64 numbers, which the export rounds to the nearest float32: a row on a split could
    change sides. Rounded down, they split float32 numbers as before."""

    def down(threshold):
        rounded = np.float32(threshold) if threshold < np.finfo(np.float32).max else np.finfo(np.float32).max
        return rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-np.inf))

    def line(found):
        return "threshold=" + " ".join(repr(float(down(float(each)))) for each in found.group(1).split())

    text = re.sub(r"^threshold=(.*)$", line, booster.model_to_string(), flags=re.MULTILINE)
    return lightgbm.Booster(model_str=re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE))


def of_lightgbm():
    x, y = data()
    # Categories, as numbers from 0: a set of them becomes a chain of nodes.
    category = x[:, 0] % CATEGORIES
    x[:, 0] = category
    y |= np.isin(category, [1, 4, 6])
    parameters = {"objective": "binary", "num_leaves": 8, "min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 1,
                  "verbose": -1, "num_threads": 1, "seed": 1}
    model = lightgbm.train(parameters, lightgbm.Dataset(x, y, categorical_feature=[0]), num_boost_round=TREES)
    splits, sets = [], 0

    def collect(node):
        nonlocal sets
        if "leaf_value" in node:
            return
        if node["decision_type"] == "==":
            sets += 1
        else:
            splits.append((node["split_feature"], node["threshold"]))
        collect(node["left_child"])
        collect(node["right_child"])

    for tree in model.dump_model()["tree_info"]:
        collect(tree["tree_structure"])
    assert sets > 0, "there is a set of categories"
    rows = on_splits(x, splits)
    # Each category, and one that training has not seen.
    rows[1 : 2 + CATEGORIES, 0] = np.arange(CATEGORIES + 1)
    scores = model.predict(rows)
    graph = convert_lightgbm(rounded_down(model), initial_types=TYPES, zipmap=False)
    write("lightgbm", graph, INPUTS, PROBABILITIES, rows, scores, indent=None)


def of_catboost():
    """It splits by >, of float32 numbers, as the graph does. The graph's output is declared as [rows], and is [rows, 1]."""
    x, y = data()
    groups = np.repeat(np.arange(40), 20)
    model = catboost.CatBoostRanker(
        loss_function="YetiRank", iterations=TREES, depth=3, random_seed=1, thread_count=1, verbose=False,
        allow_writing_files=False, border_count=16,
    ).fit(x, y, group_id=groups)
    borders = [(column, border) for column, of in model.get_borders().items() for border in of]
    rows = on_splits(x, borders)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        model.save_model(file.name, format="onnx")
        graph = file.read()
    output = {"name": "predictions", "type": "float32", "shape": ["rows"]}
    write("catboost", graph, INPUTS, output, rows, model.predict(rows), indent=None)


def boosted_trees():
    of_xgboost()
    of_lightgbm()
    of_catboost()


if __name__ == "__main__":
    boosted_trees()
    for name in ["xgboost", "lightgbm", "catboost"]:
        for path in sorted((MADE / name).iterdir()):
            print(path.relative_to(MADE), path.stat().st_size)
