"""Containers that claim what they do not hold, and kinds where none may be."""

import errno
import json
import os
import re
import struct
import time
import tracemalloc
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import resources
from itertools import cycle
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import sklearn_ae
from sklearn_ae import TableEncoder, TargetAugmenter
from tests.persistence.test_hostile_sections import MODELS, places

HOURS = timedelta(hours=2)
VALUES = np.arange(12.0).reshape(6, 2)
DOCUMENT = {
    "format": 3,
    "versions": {},
    "estimator": {"sklearn.Pipeline": {"steps": []}},
}


def container(header, body=b""):
    """Return the bytes of a safetensors file with this header."""
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text)) + text + body


def array(shape, first, last, dtype="F64"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def header(**arrays):
    metadata = {"sklearn_ae": json.dumps(DOCUMENT)}
    return json.dumps({"__metadata__": metadata, **arrays})


FAR = 2**63
CONTAINERS = {
    "no bytes": container(header(a=array([2], 0, 16))),
    "outside": container(header(a=array([2], 8, 24)), bytes(16)),
    "far outside": container(header(a=array([2], FAR, FAR + 16)), bytes(16)),
    "backwards": container(header(a=array([2], 16, 0)), bytes(16)),
    "below": container(header(a=array([2], -16, 0)), bytes(16)),
    "overlap": container(header(a=array([2], 0, 16), b=array([2], 8, 24)), bytes(24)),
    "same place": container(
        header(a=array([2], 0, 16), b=array([2], 0, 16)), bytes(16)
    ),
    "hole": container(header(a=array([1], 0, 8), b=array([1], 16, 24)), bytes(24)),
    "rest": container(header(a=array([1], 0, 8)), bytes(24)),
    "shape": container(header(a=array([3], 0, 16)), bytes(16)),
    "product": container(header(a=array([2**40] * 3, 0, 16)), bytes(16)),
    "beyond": container(header(a=array([2**64], 0, 0))),
    "below zero": container(header(a=array([-1], 0, 8)), bytes(8)),
    "half": container(header(a=array([0.5], 0, 4)), bytes(4)),
    "dtype": container(header(a=array([1], 0, 8, "O")), bytes(8)),
    "no offsets": container(json.dumps({"a": {"dtype": "F64", "shape": [0]}})),
    "numbers": container('{"__metadata__": {"sklearn_ae": 1}}'),
    "list": container("[]"),
    "text": container('"sklearn_ae"'),
    "deep": container("[" * 10**5),
    "code": container(b'{"__metadata__": {"sklearn_ae": "\xff"}}'),
    "long": struct.pack("<Q", 2**40) + header().encode(),
    "short": struct.pack("<Q", 5) + header().encode(),
    "nothing": struct.pack("<Q", 0),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_container_that_is_no_safetensors_file_is_refused(path, name):
    path.write_bytes(CONTAINERS[name])
    with pytest.raises(ValueError, match=r"cannot be loaded: .*no safetensors file"):
        sklearn_ae.load(path)


def test_shape_beyond_numpy_is_refused(path):
    path.write_bytes(container(header(a=array([0, 2**62], 0, 0))))
    with pytest.raises(ValueError, match="cannot be loaded"):
        sklearn_ae.load(path)


def memory_of_load(path):
    """Return how a load ended, and how much memory it took."""
    tracemalloc.start()
    try:
        with suppress(ValueError, ImportError):
            sklearn_ae.load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SHAPES = [[0, 2**58], [2**58, 0], [0], [0, 2**29, 2**29], [2**31, 0]]


@pytest.mark.parametrize("model", [*MODELS, "autoencoder"])
def test_shapes_without_bytes_take_no_memory(path, tamper, quick, linear, model):
    found = MODELS[model] if model in MODELS else quick().fit(linear)
    sklearn_ae.save(found, path)
    before, size = path.read_bytes(), path.stat().st_size
    names = []
    tamper(path, lambda _, arrays: names.extend(arrays))
    assert names
    for name, shape in zip(names, cycle(SHAPES)):
        path.write_bytes(before)
        tamper(path, with_array(name, shape))
        assert memory_of_load(path) < 10**6 + 10 * size


def with_array(name, shape):
    return lambda _, arrays: arrays.update({name: np.empty(shape)})


def zone_file(name):
    """Return what Python knows of a time zone."""
    try:
        return resources.files("tzdata.zoneinfo").joinpath(name).read_bytes()
    except ModuleNotFoundError:
        return next(
            Path(one, name).read_bytes() for one in TZPATH if Path(one).exists()
        )


def as_parameter(section):
    """Return what puts something where any kind may be, as a parameter of a scaler."""
    return lambda document, _: document["estimator"]["sklearn.StandardScaler"].update(
        with_mean=section
    )


MANY = 10**6
LONG = {
    "dtype": {"numpy.dtype": "<U" + "9" * MANY},
    "dtypes": {"numpy.dtype": "f8," * MANY},
    "wide dtype": {"numpy.dtype": "<U500000000"},
    "wide bytes": {"numpy.dtype": "|S2000000000"},
    "void": {"numpy.dtype": "|V2000000000"},
    "record": {"numpy.dtype": "(" * MANY},
    "dtype of a list": {"numpy.dtype": [{"tuple": ["a", "<f8"]}]},
    "float": {"float": "1" * MANY},
    "type": {"type": "numpy." + "x" * MANY},
    "bytes": {"bytes": "0g" * MANY},
    "date": {"datetime.date": "2" * MANY},
    "time": {"datetime.time": "1" * MANY},
    "datetime": {"datetime.datetime": ["2" * MANY, None, 0]},
    "timedelta": {"datetime.timedelta": [10**300, 0, 0]},
    "period": {"pandas.Period": ["2" * MANY, "D"]},
    "frequency": {"pandas.PeriodDtype": ["period[" + "9" * MANY + "D]"]},
    "zone": {"datetime.datetime": ["2020-01-01", "A" * MANY, 0]},
    "arrow": {"pandas.ArrowDtype": ["list<" * MANY, None]},
    "name": {"x" * MANY: {}},
    "array": {"array": "x" * MANY},
    "text": "x" * MANY,
    "list": ["x"] * MANY,
}


@pytest.mark.parametrize("name", LONG)
def test_long_text_is_refused_in_a_few_words(path, tamper, name):
    sklearn_ae.save(MODELS["scaler"], path)
    tamper(path, as_parameter(LONG[name]))
    start = time.perf_counter()
    with pytest.raises(ValueError, match="cannot be loaded") as caught:
        sklearn_ae.load(path)
    assert time.perf_counter() - start < 5
    assert len(str(caught.value)) < 1500


# Names of time zones are names of files below a folder.
ZONED = {
    "datetime": lambda zone: {"datetime.datetime": ["2020-01-01", zone, 0]},
    "timestamp": lambda zone: {"pandas.Timestamp": [1, "ns", zone]},
    "dtype": lambda zone: {"pandas.DatetimeTZDtype": ["ns", zone]},
    "arrow": lambda zone: {"pandas.ArrowDtype": ["timestamp[ns]", zone]},
    "polars": lambda zone: {"polars.Datetime": ["ns", zone]},
}


@pytest.mark.parametrize(
    "prefix", ["", "../" * 20, "dateutil/", "UTC/../" * 9 + "../" * 9]
)
@pytest.mark.parametrize("name", ZONED)
def test_time_zone_is_no_path(path, tamper, tmp_path, name, prefix):
    secret = tmp_path / "secret"
    secret.write_bytes(zone_file("Europe/Berlin"))
    with secret.open("rb") as file:
        assert ZoneInfo.from_file(file).utcoffset(datetime(2020, 7, 1)) == HOURS
    where = f"{prefix}{str(secret).removeprefix('/') if prefix else secret}"
    sklearn_ae.save(MODELS["scaler"], path)
    tamper(path, as_parameter(ZONED[name](where)))
    with pytest.raises(ValueError, match=r"cannot be loaded: .*(ZoneInfo|A time zone)"):
        sklearn_ae.load(path)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "Etc/GMT+5"])
@pytest.mark.parametrize("name", ZONED)
def test_time_zone_of_that_name_is_none_of_those(path, tamper, name, zone):
    sklearn_ae.save(MODELS["scaler"], path)
    tamper(path, as_parameter(ZONED[name](zone)))
    with pytest.raises(ValueError, match="The 'with_mean' parameter"):
        sklearn_ae.load(path)


# Paths are those of the caller, and are followed as elsewhere.


def test_links_are_followed_to_files_alone(path, tmp_path):
    sklearn_ae.save(MODELS["scaler"], path)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert sklearn_ae.load(link).n_features_in_ == 1
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(OSError, match=re.escape(os.strerror(errno.ELOOP))):
        sklearn_ae.load(link)
    with pytest.raises(FileNotFoundError):
        sklearn_ae.load(tmp_path / "missing" / ".." / path.name)
    with pytest.raises((OSError, ValueError)):
        sklearn_ae.load(os.devnull)


@pytest.mark.parametrize("value", ["1" * 101, ["1"], 1, None], ids=type)
def test_versions_are_short_text(path, tamper, value):
    sklearn_ae.save(MODELS["scaler"], path)
    tamper(path, lambda document, _: document["versions"].update(torch=value))
    with pytest.raises(ValueError, match="Its list of versions is damaged"):
        sklearn_ae.load(path)


@pytest.mark.parametrize("name", ["func", "inverse_func"])
def test_transformer_has_no_function(path, tamper, name):
    sklearn_ae.save(FunctionTransformer().fit(VALUES), path)

    def change(document, _):
        (section,) = document["estimator"].values()
        section[name] = {"type": "builtins.object"}

    tamper(path, change)
    with pytest.raises(ValueError, match="Its function is damaged"):
        sklearn_ae.load(path)


# Kinds that are not allowed, wherever they are.

FRAME = pd.DataFrame(VALUES, columns=["a", "b"])
INNER = make_column_transformer((StandardScaler(), ["a"]), ("passthrough", ["b"]))
OUTER = make_column_transformer((make_pipeline(INNER, StandardScaler()), ["a", "b"]))
NESTED = {
    "columns": make_pipeline(OUTER, TableEncoder()),
    "target": make_pipeline(StandardScaler(), TargetAugmenter(estimator=Ridge())),
}
FORBIDDEN = [{"os.system": "ls"}, {"sklearn.SVC": {}}, {"builtins.eval": ["1"]}]
FORBIDDEN += [{"sklearn_ae.FullyConnected": {}}, {"torch.Tensor": []}]


@pytest.mark.parametrize("model", NESTED)
def test_unknown_kind_is_refused_at_every_place(path, tamper, model):
    sklearn_ae.save(NESTED[model].fit(FRAME, VALUES[:, 0]), path)
    before, kinds = path.read_bytes(), cycle(FORBIDDEN)
    found = []
    tamper(path, lambda document, _: found.extend(places(document["estimator"])))
    assert len(found) > 50
    for i in range(1, len(found)):
        if found[i][1] == "dict":  # whose names may be any text
            continue
        path.write_bytes(before)
        with pytest.raises(ValueError, match="cannot be loaded"):
            load_with(path, tamper, i, next(kinds))


def load_with(path, tamper, index, section):
    """Load a file with something else at one place."""

    def change(document, _):
        container, key = list(places(document["estimator"]))[index]
        container[key] = section

    tamper(path, change)
    sklearn_ae.load(path)


# What is known, but no step.
NO_STEPS = [True, 1, 0.5, [], ["drop"], {"dict": {}}, {"tuple": []}]
NO_STEPS += [{"type": "builtins.object"}, {"numpy.dtype": "<f8"}, {"bytes": "00"}]
NO_STEPS += [{"slice": [None, None, None]}, {"sklearn.make_column_selector": {}}]


def steps_of(section):
    """Yield the parts of all fitted steps; others are checked when they are fitted."""
    found = section.items() if isinstance(section, dict) else enumerate(section)
    for key, one in found:
        if key in ("steps", "transformers_"):
            yield from (step["tuple"] for step in one)
        if isinstance(one, dict | list) and key != "transformers":
            yield from steps_of(one)


@pytest.mark.parametrize("section", NO_STEPS, ids=str)
def test_what_is_no_estimator_is_no_step(path, tamper, section):
    sklearn_ae.save(NESTED["columns"].fit(FRAME), path)
    before, found = path.read_bytes(), []
    tamper(path, lambda document, _: found.extend(steps_of(document)))
    assert len(found) >= 7
    for i in range(len(found)):
        path.write_bytes(before)
        tamper(path, with_step(i, section))
        with pytest.raises(ValueError, match="cannot be loaded"):
            sklearn_ae.load(path)


def with_step(index, section):
    return lambda document, _: list(steps_of(document))[index].__setitem__(1, section)
