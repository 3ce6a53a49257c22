"""Files of tables and of scikit-learn's estimators that somebody has tampered with."""

import re
from contextlib import suppress
from copy import deepcopy
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler

import sklearn_ae
from sklearn_ae import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    TableEncoder,
)

FRAME = pd.DataFrame(
    {
        "number": [1.5, 2.0, 4.0, None],
        "text": pd.Series(["a", "b", None, "a"], dtype=object),
        "day": pd.date_range("2020", periods=4),
        "none": [np.nan] * 4,
    }
)
VALUES = FRAME[["number"]].to_numpy()
MODELS = {
    "scaler": StandardScaler().fit(VALUES),
    "power": PowerTransformer().fit(VALUES),
    "one-hot": OneHotEncoder(sparse_output=False).fit(FRAME[["text"]]),
    "pipeline": make_pipeline("passthrough", StandardScaler()).fit(VALUES),
    "columns": make_column_transformer((StandardScaler(), ["number"])).fit(FRAME),
    "table": TableEncoder().fit(FRAME),
    "polars": TableEncoder().fit(pl.DataFrame(FRAME.to_dict("list"))),
    "array": TableEncoder().fit(FRAME.to_numpy()),
    "detector": AutoencoderOutlierDetector(PCA(1), random_state=0).fit(
        np.random.RandomState(0).normal(size=(12, 2))
    ),
    "imputer": AutoencoderImputer(
        AutoencoderTransformer(2, hidden_layer_sizes=()),
        sample_posterior=True,
        random_state=0,
    ).fit(FRAME),
}


def unwrapped(section):
    """Return what an object of one entry holds, which names its kind."""
    while isinstance(section, dict) and len(section) == 1:
        (section,) = section.values()
    return section


def inside(document, keys):
    """Return what is there in a document."""
    section = unwrapped(document["estimator"])
    for key in keys:
        section = unwrapped(section[key])
    return section


def wide(n):
    return {"numpy.ndarray": ["objects", [n, 10**15], []]}


FAR = {"numpy.ndarray": ["view", {"numpy.dtype": "<U100000"}, {"array": "A"}]}
# Model; where; the value there; what is said.
CASES = [
    ("scaler", ["mean_"], [0.0, 1.0], "Its mean_ is damaged."),
    ("scaler", ["mean_"], "text", "Its sklearn.StandardScaler is damaged ("),
    ("scaler", ["scale_"], [1.0, 2.0], "Its scale_ is damaged."),
    ("scaler", ["mean_"], wide(1), "The shape of objects is damaged."),
    ("scaler", ["mean_"], wide(10**15), "The shape of objects is damaged."),
    ("scaler", ["mean_"], wide([1]), "The shape of objects is damaged."),
    ("scaler", ["mean_"], FAR, "An array of text or times is damaged."),
    ("scaler", ["n_features_in_"], 10**15, "Its mean_ is damaged."),
    ("scaler", ["n_features_in_"], 0, "Its n_features_in_ is damaged."),
    ("scaler", ["n_samples_seen_"], None, "Its n_samples_seen_ is damaged."),
    ("scaler", ["with_mean"], "yes", "The 'with_mean' parameter"),
    ("scaler", ["transform"], 1, "Its StandardScaler has the unknown ['transform']."),
    ("scaler", ["__dict__"], {"dict": {}}, "has the unknown ['__dict__']."),
    ("power", ["_scaler", "mean_"], {"array": "none"}, "lacks the array 'none'"),
    ("one-hot", ["categories_"], [1], "Its categories_ is damaged."),
    ("one-hot", ["categories_"], [], "Its categories_ is damaged."),
    ("one-hot", ["_n_features_outs"], [10**15], "Its _n_features_outs is damaged."),
    ("one-hot", ["dtype"], {"type": "numpy.load"}, "'numpy.load'"),
    ("one-hot", ["dtype"], {"numpy.dtype": "i4,f8"}, "A dtype is damaged."),
    ("pipeline", ["memory"], "/tmp/cache", "Its memory is damaged."),
    ("pipeline", ["steps"], 1, "The 'steps' parameter"),
    ("pipeline", ["steps"], [], "ipeline is "),
    (
        "pipeline",
        ["steps"],
        [{"tuple": ["a", 5]}],
        "Last step of Pipeline should implement fit",
    ),
    ("pipeline", ["steps", 1], {"tuple": ["a"]}, "not enough values to unpack"),
    ("pipeline", ["steps", 1, 1], {"os.system": "ls"}, "the unknown 'os.system'."),
    ("pipeline", ["steps", 1, 1], {"sklearn.SVC": {}}, "the unknown 'sklearn.SVC'."),
    ("columns", ["transformers_"], 1, "Its sklearn.ColumnTransformer is damaged ("),
    ("table", ["_columns"], [], "What is known of its columns is damaged."),
    ("table", ["_columns"], [1, 2, 3, 4], "What is known of its columns is damaged."),
    ("table", ["_columns", 0], {"tuple": []}, "What is known of its columns is dam"),
    ("table", ["_columns", 0, "scaler"], 1, "Its NumericColumn is damaged."),
    ("table", ["_columns", 0, "is_integer"], 1, "Its NumericColumn is damaged."),
    ("table", ["_columns", 0, "smallest"], {"float": "nan"}, "NumericColumn is dam"),
    ("table", ["_columns", 0, "more"], 1, "unexpected keyword argument"),
    ("table", ["_columns", 1, "suffixes"], ["_a"], "Its CategoryColumn is damaged."),
    ("table", ["_columns", 1, "labels"], wide(0), "Its CategoryColumn is damaged."),
    ("table", ["_columns", 1, "encoder"], 1, "Its CategoryColumn is damaged."),
    ("table", ["_columns", 2, "step"], 0, "Its TimeColumn is damaged."),
    ("table", ["_columns", 2, "first"], 2**63, "Its TimeColumn is damaged."),
    ("table", ["_columns", 2, "kind"], "durations", "Its TimeColumn is damaged."),
    ("table", ["_columns", 2, "dtype"], {"numpy.dtype": "<f8"}, "TimeColumn is dam"),
    ("table", ["_columns", 3, "nothing"], wide(0), "Its MissingColumn is damaged."),
    ("table", ["_reader"], 1, "Its sklearn_ae.TableEncoder is damaged ("),
    ("table", ["_reader", 1], [{"numpy.dtype": "<f8"}], "its columns is damaged."),
    ("table", ["_reader", 1, 0], 1, "Its dtypes are damaged."),
    ("table", ["_reader", 1, 0], {"pandas.read_pickle": ["x"]}, "unknown 'pandas.read"),
    ("table", ["_reader", 1, 0], {"pandas.Period": ["x", "D"]}, "Unknown datetime"),
    (
        "table",
        ["_reader", 1, 0],
        {"pandas.DatetimeTZDtype": ["ns", "dateutil//etc/passwd"]},
        "A time zone is damaged.",
    ),
    ("table", ["_reader", 0], [None, "range", [0, 10**15, 1]], "its columns is dam"),
    ("table", ["_weights"], [1.0], "Its sklearn_ae.TableEncoder is damaged ("),
    ("table", ["_are_asked_for"], [False], "Its weights are damaged."),
    ("polars", ["_reader", 0, 1], 1, "Its dtypes are damaged."),
    ("polars", ["_reader", 0, 1], {"polars.Enum": [[1]]}, "Enum"),
    ("polars", ["_reader", 0, 1], {"polars.Datetime": ["h"]}, "time_unit"),
    ("polars", ["_reader", 0, 0], "text", "Its dtypes are damaged."),
    ("array", ["_reader"], {"sklearn_ae.ArrayReader": [1]}, "Its dtype is damaged."),
    ("imputer", ["encoder_"], 1, "Its encoder_ is damaged."),
    ("imputer", ["estimator_"], None, "AutoencoderImputer is damaged ("),
    ("imputer", ["_kept"], [0], "Its encoder_ is damaged."),
    ("imputer", ["_generator"], 1, "Its generator is damaged."),
    ("imputer", ["_residuals"], {"array": "none"}, "It lacks the array 'none'."),
]


@pytest.mark.parametrize(("model", "where", "value", "message"), CASES, ids=str)
def test_bad_value_is_refused(path, tamper, model, where, value, message):
    def change(document, arrays):
        arrays["A"] = np.zeros((1, 1), np.uint8)
        inside(document, where[:-1])[where[-1]] = value

    sklearn_ae.save(MODELS[model], path)
    tamper(path, change)
    with pytest.raises(ValueError, match="cannot be loaded: .*" + re.escape(message)):
        sklearn_ae.load(path)


ATTRIBUTES = [
    ("scaler", [], "var_", "Its StandardScaler lacks ['var_']."),
    ("scaler", [], "n_samples_seen_", "Its StandardScaler lacks ['n_samples_seen_']."),
    ("power", ["_scaler"], "n_samples_seen_", "Its StandardScaler lacks"),
    ("one-hot", [], "categories_", "Its OneHotEncoder lacks ['categories_']."),
    ("pipeline", [], "steps", "missing 1 required positional argument: 'steps'"),
    ("table", [], "_weights", "Its TableEncoder lacks ['_weights']."),
    ("table", [], "n_features_in_", "a str for each of n_features_in_, is damaged."),
    ("array", [], "n_features_in_", "has no attribute 'n_features_in_'"),
    ("table", ["_columns", 0], "scaler", "Its sklearn_ae.NumericColumn is damaged ("),
    ("imputer", [], "encoder_", "Its AutoencoderImputer lacks ['encoder_']."),
]


@pytest.mark.parametrize(("model", "where", "name", "message"), ATTRIBUTES, ids=str)
def test_nothing_may_be_missing(path, tamper, model, where, name, message):
    def change(document, arrays):
        del inside(document, where)[name]

    sklearn_ae.save(MODELS[model], path)
    tamper(path, change)
    with pytest.raises(ValueError, match="cannot be loaded: .*" + re.escape(message)):
        sklearn_ae.load(path)


@pytest.mark.parametrize("shape", [(), (0,), (2,), (1, 1)])
@pytest.mark.parametrize("name", ["mean_", "scale_"])
def test_array_of_another_shape_is_refused(path, tamper, name, shape):
    sklearn_ae.save(MODELS["scaler"], path)
    array = {f"StandardScaler.{name}": np.ones(shape)}
    tamper(path, lambda document, arrays: arrays.update(array))
    with pytest.raises(ValueError, match=f"Its {name} is damaged"):
        sklearn_ae.load(path)


def places(section):
    """Yield containers and keys of all that a document holds."""
    keys = range(len(section)) if isinstance(section, list) else list(section)
    for key in keys:
        yield section, key
        if isinstance(section[key], list | dict):
            yield from places(section[key])


JUNK = [None, True, -1, 0.5, 10**15, 10**400, "", "x", [], {}, [[]], {"tuple": []}]
JUNK += [{"dict": {}}, {"float": "nan"}, {"sklearn.PCA": {}}, {"array": "A"}]


@pytest.mark.parametrize("model", MODELS)
def test_junk_anywhere_loads_or_raises_value_error(path, tamper, model):
    rng = np.random.default_rng(0)
    sklearn_ae.save(MODELS[model], path)
    before, n_loaded = path.read_bytes(), 0

    def change(document, arrays):
        arrays["A"] = np.empty((0, 2))
        found = list(places(document["estimator"]))
        section, key = found[rng.integers(len(found))]
        section[key] = deepcopy(JUNK[rng.integers(len(JUNK))])

    for _ in range(100):
        path.write_bytes(before)
        tamper(path, change)
        with suppress(ValueError), catch_warnings():
            simplefilter("error")
            sklearn_ae.load(path)
            n_loaded += 1
    assert n_loaded < 50  # where a value is as good as another
