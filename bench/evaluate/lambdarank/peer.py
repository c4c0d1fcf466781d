"""Scores of the test rows by a peer from PyPI: `peer.py NAME SEED`, with the rows as JSON on standard input."""
import json
import sys

import numpy


def matrix(part):
    return numpy.array(part["values"], dtype=numpy.float32).reshape(part["rows"], -1)


def lightgbm(train, test, sizes, seed):
    import lightgbm as lgb

    settings = dict(objective="lambdarank", learning_rate=0.1, num_leaves=31, min_data_in_leaf=50,
                    bagging_fraction=0.9, bagging_freq=1, feature_fraction=0.9, seed=seed,
                    num_threads=1, verbose=-1, deterministic=True, force_col_wise=True)
    data = lgb.Dataset(matrix(train), train["labels"], group=sizes, params=settings)
    return lgb.train(settings, data, 100).predict(matrix(test))


def xgboost(train, test, sizes, seed):
    import xgboost as xgb

    # The smallest child weight stands in for a least number of rows, which it lacks.
    settings = dict(objective="rank:ndcg", learning_rate=0.1, max_depth=6, subsample=0.9,
                    colsample_bytree=0.9, seed=seed, nthread=1, tree_method="hist")
    data = xgb.DMatrix(matrix(train), train["labels"])
    data.set_group(sizes)
    return xgb.train(settings, data, 100).predict(xgb.DMatrix(matrix(test)))


def catboost(train, test, sizes, seed, **growth):
    import catboost as cb

    groups = numpy.repeat(numpy.arange(len(sizes)), sizes)
    model = cb.CatBoost(dict(loss_function="YetiRank", iterations=100, depth=6, learning_rate=0.1,
                             bootstrap_type="Bernoulli", subsample=0.9, rsm=0.9, random_seed=seed,
                             thread_count=1, verbose=False, allow_writing_files=False, **growth))
    model.fit(cb.Pool(matrix(train), train["labels"], group_id=groups))
    return model.predict(matrix(test))


def catboost_symmetric(train, test, sizes, seed):
    """Its default; such trees ignore a least number of rows in a leaf."""
    return catboost(train, test, sizes, seed)


def catboost_depthwise(train, test, sizes, seed):
    return catboost(train, test, sizes, seed, grow_policy="Depthwise", min_data_in_leaf=50)


def catboost_leafwise(train, test, sizes, seed):
    return catboost(train, test, sizes, seed, grow_policy="Lossguide", max_leaves=31, min_data_in_leaf=50)


name, seed = sys.argv[1], int(sys.argv[2])
parts = json.load(sys.stdin)
starts = parts["train"]["groups"]
sizes = [end - start for start, end in zip(starts, starts[1:])]
peer = {
    "LightGBM": lightgbm,
    "XGBoost": xgboost,
    "CatBoost, depth 6": catboost_depthwise,
    "CatBoost, 31 leaves": catboost_leafwise,
    "CatBoost, symmetric": catboost_symmetric,
}[name]
print(json.dumps([float(score) for score in peer(parts["train"], parts["test"], sizes, seed)]))
