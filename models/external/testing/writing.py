"""What the scripts beside it share: where the models go, the features of their rows, and the directory of a model."""
import hashlib
import json
import pathlib
import sys

import numpy as np

MADE = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "fixtures"
VIEWS = {"user-features": 2, "item-features": 2}
FEATURES = [
    "user-features.events",
    "user-features.completion_rate",
    "user-features.rating_mean",
    "item-features.ctr",
    "item-features.popularity",
]


def write(name, model, inputs, output, rows=None, scores=None, indent=2, **more):
    directory = MADE / name
    directory.mkdir(parents=True, exist_ok=True)
    graph = model if isinstance(model, bytes) else model.SerializeToString()
    (directory / "model.onnx").write_bytes(graph)
    manifest = {
        "format": 1,
        "name": name,
        "graph": "model.onnx",
        "sha256": hashlib.sha256(graph).hexdigest(),
        "views": VIEWS,
        "inputs": inputs,
        "output": output,
        **more,
    }
    write_json(directory / "model.json", manifest)
    if rows is not None:
        expected = {
            "rows": [[None if value != value else float(value) for value in row] for row in rows],
            "scores": [float(score) for score in scores],
        }
        write_json(directory / "expected.json", expected, indent)


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, indent=indent) + "\n")


def examples(random, count):
    """Features as the views have them, and whether the user took to the item."""
    x = np.stack(
        [
            random.integers(0, 300, count),
            random.uniform(0, 1, count),
            random.uniform(1, 5, count),
            random.uniform(0, 1, count),
            random.gamma(2.0, 3.0, count),
        ],
        axis=1,
    ).astype(np.float32)
    y = (2 * x[:, 3] + 0.1 * x[:, 4] + x[:, 1] + random.normal(0, 0.5, count) > 2).astype(int)
    return x, y
