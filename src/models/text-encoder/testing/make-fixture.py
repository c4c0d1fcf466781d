"""Makes tfidf.onnx beside it: a real export of scikit-learn that takes titles as texts. Run it where PyPI is reached:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install scikit-learn==1.9.1 skl2onnx==1.20.0
    /tmp/venv/bin/python src/models/text-encoder/testing/make-fixture.py

It prints what scikit-learn itself makes of the title that the test encodes.
"""
import pathlib

from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

TITLES = [
    "Running shoes for trails",
    "Running jacket",
    "Chocolate cake",
    "Carrot cake with walnuts",
    "Trail map",
    "Walnut bread",
]
model = make_pipeline(TfidfVectorizer(token_pattern=r"[a-zA-Z]+"), TruncatedSVD(3, random_state=0)).fit(TITLES)
exported = to_onnx(
    model,
    initial_types=[("title", StringTensorType([None, 1]))],
    target_opset=17,
    # The locale of the export is one that not every machine has.
    options={TfidfVectorizer: {"locale": "C"}},
)
(pathlib.Path(__file__).parent / "tfidf.onnx").write_bytes(exported.SerializeToString())
print(model.transform(["Trail running cake"]))
