"""FAISS's side of the exchange of indexes, for tests.

    faiss_exchange.py write CASES DIRECTORY   writes an index of each case
    faiss_exchange.py search CASES DIRECTORY  reads them, searches, prints {name: {"size", "ids": of each query}} as JSON

CASES is a JSON file: a list of {"name", "dim", "metric", "lists", "k"}; for writing also {"ids", "directMap", "nprobe"},
where lists is 0 for a flat index. Beside it lie NAME.vectors and NAME.queries of float32; an index is NAME.faiss.
"""
import json
import os
import sys

import faiss
import numpy

METRICS = {"inner-product": faiss.METRIC_INNER_PRODUCT, "l2": faiss.METRIC_L2}
DIRECT_MAPS = {"array": faiss.DirectMap.Array, "hashtable": faiss.DirectMap.Hashtable}


def floats(path, dim):
    return numpy.fromfile(path, dtype=numpy.float32).reshape(-1, dim)


def build(case, vectors):
    dim, metric = case["dim"], METRICS[case["metric"]]
    flat = faiss.IndexFlatL2(dim) if metric == faiss.METRIC_L2 else faiss.IndexFlatIP(dim)
    if case["lists"] == 0:
        flat.add(vectors)
        return flat
    index = faiss.IndexIVFFlat(flat, dim, case["lists"], metric)
    # Centroids are the first vectors, so that little has to be learned and lists may stay empty.
    flat.add(vectors[: case["lists"]])
    index.is_trained = True
    index.nprobe = case["nprobe"]
    kept = vectors[case.get("skip", 0) :]
    if case["ids"] is None:
        index.add(kept)
    else:
        index.add_with_ids(kept, numpy.array(case["ids"], dtype=numpy.int64))
    if case["directMap"] is not None:
        index.set_direct_map_type(DIRECT_MAPS[case["directMap"]])
    return index


task, cases_path, directory = sys.argv[1:]
faiss.omp_set_num_threads(1)
found = {}
with open(cases_path) as file:
    cases = json.load(file)
for case in cases:
    beside = os.path.join(directory, case["name"])
    if task == "write":
        faiss.write_index(build(case, floats(f"{beside}.vectors", case["dim"])), f"{beside}.faiss")
    index = faiss.read_index(f"{beside}.faiss")
    if not os.path.exists(f"{beside}.queries"):
        continue
    _, ids = index.search(floats(f"{beside}.queries", case["dim"]), case["k"])
    found[case["name"]] = {
        "kind": type(index).__name__,
        "size": index.ntotal,
        "ids": [[int(id) for id in row if id >= 0] for row in ids],
    }
print(json.dumps(found))
