"""Makes the small files of FAISS below fixtures/:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r models/index/testing/requirements.txt
    /tmp/venv/bin/python models/index/testing/make-fixtures.py
"""
import os

import faiss
import numpy

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
# Row i is [i, -i / 2].
rows = numpy.array([[i, -i / 2] for i in range(5)], dtype=numpy.float32)


def flat(kind, vectors):
    index = kind(2)
    index.add(vectors)
    return index


def ivf(centroids, ids, direct_map=None):
    index = faiss.IndexIVFFlat(flat(faiss.IndexFlatL2, rows[:centroids]), 2, centroids, faiss.METRIC_L2)
    index.is_trained = True
    index.nprobe = 2
    index.add_with_ids(rows[: len(ids)], numpy.array(ids))
    if direct_map is not None:
        index.set_direct_map_type(direct_map)
    return index


INDEXES = {
    "flat-ip": flat(faiss.IndexFlatIP, rows),
    "flat-l2": flat(faiss.IndexFlatL2, rows),
    "ivf": ivf(3, [4, 9, 2, 2**31 - 1]),
    "ivf-sparse": ivf(5, [4, 9]),
    "ivf-array": ivf(3, [0, 1, 2, 3], faiss.DirectMap.Array),
    "ivf-hashtable": ivf(3, [4, 9, 2, 7], faiss.DirectMap.Hashtable),
    "unsupported-id": ivf(3, [4, 2**31]),
    "unsupported-kind": faiss.IndexHNSWFlat(2, 4),
    "unsupported-metric": faiss.IndexFlat(2, faiss.METRIC_L1),
    "unsupported-untrained": faiss.IndexIVFFlat(faiss.IndexFlatL2(2), 2, 3),
}

for name, index in INDEXES.items():
    faiss.write_index(index, os.path.join(HERE, f"{name}.faiss"))
