"""Another library's index, on one thread: `peer.py SYSTEM DIRECTORY DIM K TARGETS`, prints JSON as own.ts does.

DIRECTORY has the files vectors, queries (float32), truth (int32, K ids of each query), and index.faiss, written by own.ts. For each of the targets, recalls
after commas, the least setting that reaches it over all queries is searched for: nprobe of IVF, ef of HNSW.
"""
import importlib
import json
import math
import os
import resource
import sys
import time

import numpy

system, directory, dim, k, targets = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
M, EF_CONSTRUCTION = 16, 200
PAGE = resource.getpagesize()


def read(name, kind, width):
    return numpy.fromfile(os.path.join(directory, name), dtype=kind).reshape(-1, width)


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


def faiss_ivf(vectors):
    lists = int(4 * math.sqrt(len(vectors)))
    quantizer = library.IndexFlatIP(dim)
    index = library.IndexIVFFlat(quantizer, dim, lists, library.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)

    def search(query, nprobe):
        index.nprobe = nprobe
        return index.search(query, k)[1][0]

    return search, range(1, lists + 1)


def faiss_lists(vectors):
    """FAISS in the lists that Millrace has made, where it is to find the same with as many."""
    index = library.read_index(os.path.join(directory, "index.faiss"))

    def search(query, nprobe):
        index.nprobe = nprobe
        return index.search(query, k)[1][0]

    return search, range(1, index.nlist + 1)


def faiss_hnsw(vectors):
    index = library.IndexHNSWFlat(dim, M, library.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(vectors)

    def search(query, ef):
        index.hnsw.efSearch = ef
        return index.search(query, k)[1][0]

    return search, efs(len(vectors))


def hnswlib_hnsw(vectors):
    index = library.Index(space="ip", dim=dim)
    index.init_index(max_elements=len(vectors), ef_construction=EF_CONSTRUCTION, M=M)
    index.set_num_threads(1)
    index.add_items(vectors)

    def search(query, ef):
        index.set_ef(ef)
        return index.knn_query(query, k)[0][0]

    return search, efs(len(vectors))


def usearch_hnsw(vectors):
    index = library.Index(
        ndim=dim, metric="ip", dtype="f32", connectivity=M, expansion_add=EF_CONSTRUCTION, expansion_search=k
    )
    index.add(numpy.arange(len(vectors)), vectors, threads=1)

    def search(query, ef):
        index.expansion_search = ef
        return index.search(query[0], k, threads=1).keys

    return search, efs(len(vectors))


def efs(size):
    """Each a tenth above the one before, from k on."""
    steps, ef = [], k
    while ef < min(size, 20_000):
        steps.append(ef)
        ef = int(ef * 1.1) + 1
    return steps


SYSTEMS = {
    "faiss IVF": ("faiss", faiss_ivf),
    "faiss, our lists": ("faiss", faiss_lists),
    "faiss HNSW": ("faiss", faiss_hnsw),
    "hnswlib": ("hnswlib", hnswlib_hnsw),
    "usearch": ("usearch.index", usearch_hnsw),
}


def recall(search, setting, queries, truth):
    found = sum(len(numpy.intersect1d(search(query[None], setting), true)) for query, true in zip(queries, truth))
    return found / truth.size


def least(search, settings, queries, truth, target):
    """The first of the settings that reaches the target; None where none does."""
    low, high = 0, len(settings)
    while low < high:
        middle = (low + high) // 2
        if recall(search, settings[middle], queries, truth) >= target:
            high = middle
        else:
            low = middle + 1
    return settings[low] if low < len(settings) else None


def timed(search, setting, queries):
    for query in queries[:20]:
        search(query[None], setting)
    taken = []
    for query in queries:
        start = time.perf_counter()
        search(query[None], setting)
        taken.append((time.perf_counter() - start) * 1000)
    p50, p99 = numpy.percentile(taken, [50, 99])
    return dict(p50Ms=p50, p99Ms=p99, perSecond=1000 / numpy.mean(taken))


vectors, queries, truth = read("vectors", "f4", dim), read("queries", "f4", dim), read("truth", "i4", k)
name, build = SYSTEMS[system]
library = importlib.import_module(name)
if name == "faiss":
    library.omp_set_num_threads(1)
before, start = memory(), time.perf_counter()
search, settings = build(vectors)
took = dict(buildSeconds=time.perf_counter() - start, memoryBytes=memory() - before, targets=[])
for target in map(float, targets.split(",")):
    setting = least(search, settings, queries, truth, target)
    if setting is not None:
        reached = recall(search, setting, queries, truth)
        took["targets"].append(dict(target=target, setting=setting, recall=reached, **timed(search, setting, queries)))
print(json.dumps(took))
