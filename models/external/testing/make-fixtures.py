"""Makes the models from outside that the tests publish: real exports of scikit-learn and PyTorch, those of boosted_trees.py,
and graphs that are wrong on purpose. Run it where PyPI is reached:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r models/external/testing/requirements.txt
    /tmp/venv/bin/python models/external/testing/make-fixtures.py [DIRECTORY]

Without a directory it writes those that are kept beside it. CI makes fresh ones in a directory that the tests find in
EXPORTED_MODELS. PyTorch comes from PyPI with its CUDA libraries, 5 GB of which nothing is used here: remove them after.

Each model's directory has model.onnx, model.json, and expected.json: rows of features with the scores that the
framework itself gives them.
"""
import hashlib
import logging

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from boosted_trees import boosted_trees
from writing import FEATURES, MADE, examples, write, write_json

# It warns of each operator of torchvision, which is not needed.
logging.getLogger("torch.onnx").setLevel(logging.ERROR)

ROWS = 6


def scikit_learn(random):
    x, y = examples(random, 500)
    rows = x[:ROWS].copy()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    without_zipmap = {"zipmap": False}
    output = {"name": "probabilities", "type": "float32", "shape": ["rows", 2], "column": 1}
    model = to_onnx(pipeline, initial_types=[("features", FloatTensorType([None, 5]))], options=without_zipmap)
    inputs = [{"name": "features", "type": "float32", "features": FEATURES, "missing": 0}]
    write(
        "sklearn-logistic", model, inputs, output, rows, pipeline.predict_proba(rows)[:, 1],
        metrics={"auc": 0.91}, protocol="random 80/20 split of 500 made-up rows",
    )

    boosted = GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=1).fit(x, y)
    model = to_onnx(boosted, initial_types=[("features", FloatTensorType([None, 5]))], options=without_zipmap)
    # Without `missing` the trees get NaN for what has no value, and take one of their branches.
    inputs = [{"name": "features", "type": "float32", "features": FEATURES}]
    write("sklearn-boosting", model, inputs, output, rows, boosted.predict_proba(rows)[:, 1])


class Towers(torch.nn.Module):
    """Of the user's and of the item's features; the score is the product of their vectors."""

    def __init__(self):
        super().__init__()
        self.user = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))
        self.item = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))

    def forward(self, user, item):
        return (self.user(user / 100) * self.item(item)).sum(dim=1)


def pytorch(random):
    torch.manual_seed(1)
    x, y = examples(random, 500)
    model = Towers()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    user, item, label = torch.tensor(x[:, :3]), torch.tensor(x[:, 3:]), torch.tensor(y, dtype=torch.float32)
    for _ in range(200):
        optimiser.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model(user, item), label).backward()
        optimiser.step()
    model.eval()
    rows = torch.export.Dim("rows")
    program = torch.onnx.export(
        model, (user[:2], item[:2]), input_names=["user", "item"], output_names=["score"],
        dynamic_shapes={"user": {0: rows}, "item": {0: rows}}, dynamo=True, external_data=False, verbose=False,
    )
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    inputs = [
        {"name": "user", "type": "float32", "features": FEATURES[:3], "missing": 0},
        {"name": "item", "type": "float32", "features": FEATURES[3:], "missing": 0},
    ]
    with torch.no_grad():
        scores = model(user[:ROWS], item[:ROWS]).numpy()
    write("pytorch-towers", graph, inputs, {"name": "score", "type": "float32", "shape": ["rows"]}, x[:ROWS], scores)


class Sequence(torch.nn.Module):
    """A user's vector from the items they had, oldest first; 0 fills up before them."""

    def __init__(self, items, length, dim):
        super().__init__()
        self.item = torch.nn.Embedding(items + 1, dim, padding_idx=0)
        self.place = torch.nn.Parameter(torch.randn(length, dim))
        self.attention = torch.nn.Linear(dim, 1)

    def forward(self, history):
        states = torch.tanh(self.item(history) + self.place)
        scores = self.attention(states).squeeze(2).masked_fill(history == 0, -1e9)
        return (scores.softmax(dim=1).unsqueeze(2) * states).sum(dim=1)


def pytorch_sequence():
    torch.manual_seed(2)
    items, length, dim = 60, 10, 8
    model = Sequence(items, length, dim).eval()
    histories = [[5], [1, 2, 3], list(range(20)), [59, 0, 59]]
    rows = torch.zeros(len(histories), length, dtype=torch.int64)
    for row, newest_first in zip(rows, histories):
        known = torch.tensor(newest_first[:length]) + 1
        row[length - len(known):] = known.flip(0)
    users = torch.export.Dim("users")
    program = torch.onnx.export(
        model, (rows,), input_names=["history"], output_names=["vector"],
        dynamic_shapes={"history": {0: users}}, dynamo=True, external_data=False, verbose=False,
    )
    graph = program.model_proto
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    directory = MADE / "pytorch-sequence"
    directory.mkdir(parents=True, exist_ok=True)
    encoder = graph.SerializeToString()
    (directory / "encoder.onnx").write_bytes(encoder)
    (directory / "items.txt").write_text("".join(f"i{item}\n" for item in range(items)))
    with torch.no_grad():
        np.save(directory / "items.npy", model.item.weight[1:].numpy().astype("float32"))
        vectors = model(rows).numpy()
    write_json(directory / "model.json", {
        "format": 1, "role": "retrieval", "name": "pytorch-sequence",
        "graph": "encoder.onnx", "sha256": hashlib.sha256(encoder).hexdigest(),
        "items": "items.txt", "vectors": "items.npy",
        "history": {"name": "history", "length": length, "order": "oldest-first", "first": 1},
        "output": "vector",
    })
    write_json(directory / "expected.json", {
        "histories": histories, "vectors": [[float(value) for value in vector] for vector in vectors],
    })


def wrong():
    """Graphs of one operation, from features to a score, each with something that must be found out."""
    inputs = [{"name": "features", "type": "float32", "features": FEATURES, "missing": 0}]
    output = {"name": "score", "type": "float32", "shape": ["rows"]}

    def graph(nodes, rows="rows", domains=(), output_shape=("rows",)):
        made = helper.make_graph(
            nodes, "wrong",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, [rows, 5])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, list(output_shape))],
            [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
        )
        opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
        return helper.make_model(made, opset_imports=opsets, ir_version=8)

    total = helper.make_node("ReduceSum", ["features", "axes"], ["sum"], keepdims=0)
    wobble = helper.make_node("Wobble", ["sum"], ["score"], domain="com.example")
    write("unknown-operator", graph([total, wobble], domains=["com.example"]), inputs, output)
    summed = helper.make_node("ReduceSum", ["features", "axes"], ["score"], keepdims=0)
    write("fixed-rows", graph([summed], rows=1), inputs, output)
    over = helper.make_node("Reciprocal", ["sum"], ["score"])
    write("infinite-at-zero", graph([total, over]), inputs, output)
    # Declares one score a row, and gives one in all.
    everything = helper.make_node("ReduceSum", ["features"], ["score"], keepdims=0)
    write("one-score-in-all", graph([everything], output_shape=("rows",)), inputs, output)
    write("damaged", b"no graph at all", inputs, output)


if __name__ == "__main__":
    random = np.random.default_rng(1)
    scikit_learn(random)
    pytorch(random)
    pytorch_sequence()
    wrong()
    boosted_trees()
    for path in sorted(MADE.glob("*/*.onnx")):
        print(path.relative_to(MADE), path.stat().st_size)
