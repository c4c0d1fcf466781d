"""LightGBM on the same table: `peer.py THREADS ROWS VALUES LABELS`, the last two files of float32, prints JSON."""
import json
import sys
import time

import lightgbm
import numpy

threads, rows = int(sys.argv[1]), int(sys.argv[2])
values = numpy.fromfile(sys.argv[3], dtype=numpy.float32).reshape(rows, -1)
labels = numpy.fromfile(sys.argv[4], dtype=numpy.float32)
settings = dict(objective="binary", learning_rate=0.1, num_leaves=31, num_threads=threads, verbose=-1)
start, cpu = time.perf_counter(), time.process_time()
model = lightgbm.train(settings, lightgbm.Dataset(values, labels, params=settings), 100)
seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
chance = model.predict(values, num_iteration=99)
loss = -numpy.mean(numpy.log(numpy.where(labels == 1, chance, 1 - chance)))
print(json.dumps(dict(seconds=seconds, cpuSeconds=cpu_seconds, logLoss=float(loss))))
