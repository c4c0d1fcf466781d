"""Makes the text encoders that the tests read titles by, each a real export of its framework. Run it where PyPI is reached:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r src/models/external/testing/requirements.txt
    /tmp/venv/bin/python src/models/text-encoder/testing/make-fixtures.py [DIRECTORY]

Without a directory it writes those that are kept beside it. CI makes fresh ones in a directory that the tests find in
EXPORTED_MODELS.
"""
import json
import logging
import pathlib
import sys

import onnx
import torch
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from transformers import BertConfig, BertModel, BertTokenizer

# It warns of each operator of torchvision, which is not needed.
logging.getLogger("torch.onnx").setLevel(logging.ERROR)

MADE = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
TITLES = [
    "Running shoes for trails",
    "Running jacket",
    "Chocolate cake",
    "Carrot cake with walnuts",
    "Trail map",
    "Walnut bread",
]
READ = ["Trail running cake", "cake", "Brêad & WALNUTS: a map, with carrots (1995)", "trail " * 40]


def write(name, vectors):
    """Beside the encoder, the titles with what the framework itself makes of them."""
    expected = {"titles": READ, "vectors": [[float(value) for value in vector] for vector in vectors]}
    (MADE / name / "expected.json").write_text(json.dumps(expected) + "\n")
    print(name, *(f"{path.name} {path.stat().st_size}" for path in sorted((MADE / name).iterdir())))


def tfidf():
    """Takes the texts themselves."""
    (MADE / "tfidf").mkdir(parents=True, exist_ok=True)
    vectorizer = TfidfVectorizer(token_pattern=r"[a-zA-Z]+")
    model = make_pipeline(vectorizer, TruncatedSVD(3, random_state=0)).fit(TITLES)
    exported = to_onnx(
        model,
        initial_types=[("title", StringTensorType([None, 1]))],
        target_opset=17,
        # The locale of the export is one that not every machine has.
        options={TfidfVectorizer: {"locale": "C"}},
    )
    (MADE / "tfidf" / "model.onnx").write_bytes(exported.SerializeToString())
    write("tfidf", model.transform(READ))


def bert():
    """A BERT of random weights, as PyTorch exports it unless told otherwise: graph, weights and tokens in a file each."""
    directory = MADE / "bert"
    directory.mkdir(parents=True, exist_ok=True)
    words = ["run", "##ning", "trail", "##s", "walnut", "cake", "bread", "map", "with", "car", "##rot", "a"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *"&:,()0123456789", *(f"##{i}" for i in range(10))]
    tokenizer = BertTokenizer(vocab={token: number for number, token in enumerate(tokens)})
    tokenizer.backend_tokenizer.save(str(directory / "tokenizer.json"))
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )
    model = BertModel(config).eval()
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=64)
    example = dict(tokenizer(TITLES[:3], padding=True, return_tensors="pt"))
    torch.onnx.export(
        model, kwargs=example, f=directory / "model.onnx", input_names=list(example),
        dynamic_shapes={name: {0: batch, 1: length} for name in example}, verbose=False,
    )
    # Most of the file says where each node comes from.
    exported = onnx.load(directory / "model.onnx", load_external_data=False)
    for node in exported.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    (directory / "model.onnx").write_bytes(exported.SerializeToString())
    vectors = []
    for title in READ:
        fed = tokenizer(title, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            vectors.append(model(**fed).last_hidden_state[0].mean(dim=0).tolist())
    write("bert", vectors)


if __name__ == "__main__":
    tfidf()
    bert()
