"""Another library's index, on one thread: `peer.py SYSTEM DIRECTORY DIM K TARGETS LIMIT`, prints JSON as own.ts does.

DIRECTORY has the files vectors, queries (float32), truth (int32, K ids of each query), and index.faiss, written by own.ts. For each of the targets,
recalls after commas, the least setting that reaches it over all queries is searched for: nprobe of IVF, ef of HNSW. A graph whose build takes more than
LIMIT seconds of the processor is given up.
"""
import importlib
import json
import math
import os
import resource
import sys
import time

import numpy

system, directory, dim, k, targets, limit = sys.argv[1:7]
dim, k, limit = int(dim), int(k), float(limit)
M, EF_CONSTRUCTION = 16, 200
PAGE = resource.getpagesize()
ADDED_AT_ONCE = 5000
# The first one is not counted.
ROUNDS = 6


def read(name, kind, width):
    return numpy.fromfile(os.path.join(directory, name), dtype=kind).reshape(-1, width)


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


class FaissIvf:
    def build(self, vectors):
        lists = int(4 * math.sqrt(len(vectors)))
        self.quantizer = library.IndexFlatIP(dim)
        self.index = library.IndexIVFFlat(self.quantizer, dim, lists, library.METRIC_INNER_PRODUCT)
        self.index.train(vectors)
        self.index.add(vectors)
        return 1

    def settings(self, size):
        return range(1, self.index.nlist + 1)

    def configure(self, nprobe):
        self.index.nprobe = nprobe

    def search(self, query):
        return self.index.search(query, k)[1][0]


class FaissLists(FaissIvf):
    """FAISS in the lists that Millrace has made, where it is to find the same with as many."""

    def build(self, vectors):
        self.index = library.read_index(os.path.join(directory, "index.faiss"))
        return 1


class Graph:
    def build(self, vectors):
        """The share that was added before the limit."""
        self.create(len(vectors))
        begun = time.thread_time()
        for at in range(0, len(vectors), ADDED_AT_ONCE):
            if time.thread_time() - begun > limit:
                return at / len(vectors)
            self.add(at, vectors[at : at + ADDED_AT_ONCE])
        return 1

    def settings(self, size):
        """Each a tenth above the one before, from k on."""
        steps, ef = [], k
        while ef < min(size, 20_000):
            steps.append(ef)
            ef = int(ef * 1.1) + 1
        return steps


class FaissHnsw(Graph):
    def create(self, size):
        self.index = library.IndexHNSWFlat(dim, M, library.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION

    def add(self, at, vectors):
        self.index.add(vectors)

    def configure(self, ef):
        self.index.hnsw.efSearch = ef

    def search(self, query):
        return self.index.search(query, k)[1][0]


class Hnswlib(Graph):
    def create(self, size):
        self.index = library.Index(space="ip", dim=dim)
        self.index.init_index(max_elements=size, ef_construction=EF_CONSTRUCTION, M=M)
        self.index.set_num_threads(1)

    def add(self, at, vectors):
        self.index.add_items(vectors, numpy.arange(at, at + len(vectors)))

    def configure(self, ef):
        self.index.set_ef(ef)

    def search(self, query):
        return self.index.knn_query(query, k)[0][0]


class Usearch(Graph):
    def create(self, size):
        self.index = library.Index(
            ndim=dim, metric="ip", dtype="f32", connectivity=M, expansion_add=EF_CONSTRUCTION, expansion_search=k
        )

    def add(self, at, vectors):
        self.index.add(numpy.arange(at, at + len(vectors)), vectors, threads=1)

    def configure(self, ef):
        self.index.expansion_search = ef

    def search(self, query):
        return self.index.search(query[0], k, threads=1).keys


SYSTEMS = {
    "faiss IVF": ("faiss", FaissIvf),
    "faiss, our lists": ("faiss", FaissLists),
    "faiss HNSW": ("faiss", FaissHnsw),
    "hnswlib": ("hnswlib", Hnswlib),
    "usearch": ("usearch.index", Usearch),
}


def recall(index, queries, truth):
    found = sum(len(numpy.intersect1d(index.search(query[None]), true)) for query, true in zip(queries, truth))
    return found / truth.size


def least(index, size, queries, truth, target):
    """The first of the settings that reaches the target; None where none does."""
    settings = index.settings(size)
    low, high = 0, len(settings)
    while low < high:
        middle = (low + high) // 2
        index.configure(settings[middle])
        if recall(index, queries, truth) >= target:
            high = middle
        else:
            low = middle + 1
    return settings[low] if low < len(settings) else None


def timed(index, queries):
    """As `timed` of system.ts."""
    fastest = numpy.full(len(queries), math.inf)
    begun = 0
    for round in range(ROUNDS):
        if round == 1:
            begun = time.thread_time()
        for i, query in enumerate(queries):
            start = time.perf_counter()
            index.search(query[None])
            taken = (time.perf_counter() - start) * 1000
            if round > 0:
                fastest[i] = min(fastest[i], taken)
    p50, p99 = numpy.percentile(fastest, [50, 99])
    return dict(p50Ms=p50, p99Ms=p99, perSecond=len(queries) * (ROUNDS - 1) / (time.thread_time() - begun))


vectors, queries, truth = read("vectors", "f4", dim), read("queries", "f4", dim), read("truth", "i4", k)
name, kind = SYSTEMS[system]
library = importlib.import_module(name)
if name == "faiss":
    library.omp_set_num_threads(1)
index = kind()
before, start = memory(), time.thread_time()
share = index.build(vectors)
took = dict(buildSeconds=time.thread_time() - start, builtShare=share, memoryBytes=memory() - before, targets=[])
for target in map(float, targets.split(",")) if share == 1 else []:
    setting = least(index, len(vectors), queries, truth, target)
    if setting is not None:
        index.configure(setting)
        reached = recall(index, queries, truth)
        took["targets"].append(dict(target=target, setting=setting, recall=reached, **timed(index, queries)))
print(json.dumps(took))
