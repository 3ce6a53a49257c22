"""Files of skops: what is in them of ours, and that our checks hold for them."""

import io
import json
import re
from collections import OrderedDict
from contextlib import suppress
from copy import deepcopy
from warnings import catch_warnings, simplefilter
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from sklearn_ae import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    TableEncoder,
    TableSampler,
    TargetAugmenter,
)
from sklearn_ae._persistence.states import PickleState
from sklearn_ae.skops import TRUSTED
from tests.persistence.test_hostile_sections import JUNK, places

skops = pytest.importorskip("skops.io")

FRAME = pd.DataFrame(
    {
        "a": [1.5, 2.0, 4.0, None] * 5,
        "b": np.arange(20.0) ** 0.5,
        "c": pd.Series(["x", "y", None, "x"] * 5, dtype=object),
    }
)
NUMBERS = FRAME[["a", "b"]].fillna(0.0)
TARGET = np.arange(20.0) % 7


def autoencoder(**changes):
    return AutoencoderTransformer(**{"max_iter": 2, "random_state": 0, **changes})


MODELS = {
    "autoencoder": autoencoder(random_state=np.random.RandomState(0)),
    "detector": AutoencoderOutlierDetector(
        autoencoder(n_components=1), novelty=True, random_state=0
    ),
    "encoder": TableEncoder(),
    "augmenter": TargetAugmenter(estimator=Ridge()),
    "imputer": AutoencoderImputer(autoencoder(n_components=1), add_indicator=True),
    "pipeline": make_pipeline(StandardScaler(), autoencoder(), LinearRegression()),
    "columns": make_pipeline(
        make_column_transformer(
            (make_pipeline(StandardScaler(), autoencoder(n_components=1)), ["a", "b"]),
            ("passthrough", ["b"]),
        ),
        LinearRegression(),
    ),
}
IS_MIXED = {"encoder", "imputer"}


# What the columns of a remainder are in ColumnTransformers of scikit-learn before 1.7.
BEFORE_1_7 = "sklearn.compose._column_transformer._RemainderColsList"


def results(model, X):
    if hasattr(model, "predict"):
        return model.predict(X)
    return np.asarray(model.transform(X))


@pytest.mark.parametrize("name", MODELS)
def test_loaded_estimator_gives_the_same_bits(name, tmp_path):
    X = FRAME if name in IS_MIXED else NUMBERS
    model = MODELS[name].fit(X, TARGET)
    skops.dump(model, tmp_path / "model.skops")
    loaded = skops.load(tmp_path / "model.skops", trusted=[*TRUSTED, BEFORE_1_7])
    assert_array_equal(results(loaded, X), results(model, X))
    assert loaded.get_params().keys() == model.get_params().keys()


def test_ours_are_all_that_has_to_be_trusted():
    model = make_pipeline(
        AutoencoderImputer(autoencoder(n_components=1)),
        TableEncoder(),
        TargetAugmenter(estimator=Ridge()),
        autoencoder(),
    ).fit(FRAME, TARGET)
    sampler = TableSampler(TableEncoder(), random_state=0).fit(NUMBERS)
    detector = AutoencoderOutlierDetector(PCA(1), random_state=0).fit(NUMBERS)
    model = [model, sampler, detector]
    found = skops.get_untrusted_types(data=skops.dumps(model))
    assert found == sorted(TRUSTED)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException):
        skops.loads(skops.dumps(model))


def test_search_is_loaded_with_names_of_scikit_learn():
    model = make_pipeline(autoencoder(), LinearRegression())
    sizes = {"autoencodertransformer__n_components": [1, 2]}
    search = GridSearchCV(model, sizes, cv=2).fit(NUMBERS, TARGET)
    data = skops.dumps(search)
    more = set(skops.get_untrusted_types(data=data)) - {*TRUSTED}
    assert {name.partition(".")[0] for name in more} == {"sklearn"}
    loaded = skops.loads(data, trusted=[*TRUSTED, *more])
    assert_array_equal(loaded.predict(NUMBERS), search.predict(NUMBERS))


def test_warm_start_goes_on():
    model = autoencoder(warm_start=True).fit(NUMBERS)
    loaded = skops.loads(skops.dumps(model), trusted=TRUSTED)
    codes = loaded.fit(NUMBERS).transform(NUMBERS)
    assert_array_equal(codes, model.fit(NUMBERS).transform(NUMBERS))


def test_unfitted_estimator_fits_to_the_same_bits():
    loaded = skops.loads(skops.dumps(autoencoder()), trusted=TRUSTED)
    with pytest.raises(NotFittedError):
        loaded.transform(NUMBERS)
    codes = autoencoder().fit_transform(NUMBERS)
    assert_array_equal(loaded.fit_transform(NUMBERS), codes)


REFUSED = {
    "callbacks.0 cannot be saved without pickle": autoencoder(callbacks=[]).set_params(
        callbacks=[print]
    ),
    "do not hold the class DecisionTreeRegressor": TargetAugmenter(
        estimator=DecisionTreeRegressor()
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_files_do_not_hold_is_named(message):
    with pytest.raises(TypeError, match=re.escape(message)):
        skops.dumps(REFUSED[message])


@pytest.mark.parametrize("package", ["sklearn_ae", "scikit-learn", "skorch", "torch"])
def test_another_version_warns(whole, package):
    document = json.loads(whole["document"])
    document["versions"][package] = "0.0.1"
    data = skops.dumps(forged({**whole, "document": json.dumps(document)}))
    message = f"estimator AutoencoderTransformer ({package}) from version 0.0.1 when"
    with pytest.warns(InconsistentVersionWarning, match=re.escape(message)) as caught:
        skops.loads(data, trusted=TRUSTED)
    assert len(caught) == 1


# Files of somebody with bad intent.


def forged(state, cls=AutoencoderTransformer):
    """Return what skops writes as an estimator of ours with another state."""
    methods = {"__module__": cls.__module__, "__getstate__": lambda self: state}
    return type(cls.__name__, (BaseEstimator,), methods)()


@pytest.fixture(scope="module")
def whole():
    """Return the state of a fitted autoencoder."""
    return autoencoder(hidden_layer_sizes=(4,)).fit(NUMBERS).__getstate__()


MEAN = "AutoencoderTransformer._fit_result.arrays.start.mean"


def changed(**arrays):
    """Return what changes arrays; None takes one away."""

    def change(whole):
        after = {**whole["arrays"], **arrays}
        kept = {name: one for name, one in after.items() if one is not None}
        return {**whole, "arrays": kept}

    return change


def replaced(old, new):
    """Return what changes the text of the document."""

    def change(whole):
        assert old in whole["document"]
        before, _, behind = whole["document"].rpartition(old)
        return {**whole, "document": before + new + behind}

    return change


NO_DOCUMENT = "no document with arrays, is damaged."
DAMAGED = "Its state is damaged."
NO_ARRAY = f"Its array {MEAN!r} is damaged."
FORGED = [
    (lambda whole: {}, NO_DOCUMENT),
    (lambda whole: [1], NO_DOCUMENT),
    (lambda whole: "text", NO_DOCUMENT),
    (lambda whole: {**whole, "more": 1}, NO_DOCUMENT),
    (lambda whole: OrderedDict(whole), NO_DOCUMENT),
    (lambda whole: {"document": whole["document"]}, NO_DOCUMENT),
    (lambda whole: vars(AutoencoderTransformer()), NO_DOCUMENT),
    (lambda whole: {"_fit_result": Ridge(), "transform": Ridge()}, NO_DOCUMENT),
    (lambda whole: {**whole, "document": 1}, DAMAGED),
    (lambda whole: {**whole, "document": b"{}"}, DAMAGED),
    (lambda whole: {**whole, "arrays": []}, DAMAGED),
    (lambda whole: {**whole, "arrays": OrderedDict(whole["arrays"])}, DAMAGED),
    (lambda whole: {**whole, "arrays": {1: np.ones(2)}}, "Its array 1 is damaged."),
    (changed(**{MEAN: None}), f"It lacks the array {MEAN!r}."),
    (changed(**{MEAN: np.ones(3)}), "'start.mean' has the shape (3,), not (2,)."),
    (changed(**{MEAN: np.ones(2, np.float32)}), "'start.mean' is none of float64."),
    (changed(**{MEAN: np.full(2, np.nan)}), "has entries that are not finite."),
    (changed(**{MEAN: np.ones(2, ">f8")}), NO_ARRAY),
    (changed(**{MEAN: np.ones((2, 2))[:, 0].astype(complex)}), NO_ARRAY),
    (changed(**{MEAN: np.array(["a", "b"])}), NO_ARRAY),
    (changed(**{MEAN: np.array([1, Ridge()], dtype=object)}), NO_ARRAY),
    (changed(**{MEAN: np.ma.ones(2)}), NO_ARRAY),
    (changed(**{MEAN: np.float64(1)}), NO_ARRAY),
    (changed(**{MEAN: Ridge()}), NO_ARRAY),
    (changed(more=np.ones(2)), "Its arrays ['more'] belong to nothing."),
    (lambda whole: {**whole, "document": "{"}, "Expecting property name"),
    (lambda whole: {**whole, "document": "[" * 10**5}, "recursion"),
    (replaced('"format": 3', '"format": 2'), "It has format 2, but this version"),
    (replaced('"format": 3', '"format": 3, "format": 3'), "JSON has a name twice"),
    (replaced('"tol": 0.0001', '"tol": NaN'), "Its JSON has NaN"),
    (replaced('"tol": 0.0001', '"tol": -1.0'), "The 'tol' parameter"),
    (replaced('"tol": 0.0001', '"tol": 1.0, "net_": 1'), "the unknown ['net_']."),
    (replaced('"module": null', '"module": {"os.system": "ls"}'), "'os.system'."),
    (replaced("sklearn_ae.Auto", "sklearn.Auto"), "the unknown 'sklearn.Auto"),
    (
        replaced("sklearn_ae.AutoencoderTransformer", "sklearn_ae.TableEncoder"),
        "It holds an instance of TableEncoder, no AutoencoderTransformer.",
    ),
    (
        replaced('{"tuple": [4]}', '{"tuple": [1000000000]}'),
        "Its hidden_layer_sizes=(1000000000,) is above ",
    ),
]


@pytest.mark.parametrize("wrap", [lambda one: one, make_pipeline], ids=["one", "step"])
@pytest.mark.parametrize(("change", "message"), FORGED, ids=str)
def test_forged_state_is_refused(whole, change, message, wrap):
    data = skops.dumps(wrap(forged(change(whole))))
    wanted = "This AutoencoderTransformer cannot be loaded: .*" + re.escape(message)
    with pytest.raises(ValueError, match=wanted):
        skops.loads(data, trusted=TRUSTED)


@pytest.mark.parametrize(
    "model",
    [
        AutoencoderImputer(),
        AutoencoderOutlierDetector(),
        TableEncoder(),
        TableSampler(PCA()),
        TargetAugmenter(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_forged_state_of_the_others_is_refused(whole, model):
    cls = type(model)
    for state in (vars(model), whole):
        data = skops.dumps(forged(state, cls))
        with pytest.raises(ValueError, match=f"This {cls.__name__} cannot be loaded"):
            skops.loads(data, trusted=TRUSTED)


def test_pickle_of_an_earlier_version_is_named():
    state = {**vars(autoencoder()), "_versions": {}}
    with pytest.raises(ValueError, match="the pickle of a version that is not"):
        autoencoder().__setstate__(state)


def test_state_of_a_pickle_is_not_trusted():
    state = PickleState(vars(autoencoder()))
    data = skops.dumps(forged(state))
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException) as caught:
        skops.loads(data, trusted=TRUSTED)
    assert "sklearn_ae._persistence.states.PickleState" in str(caught.value)


def test_arrays_of_a_file_share_no_memory(whole):
    names = [
        name for name in whole["arrays"] if name.endswith((".mean", "column_scale"))
    ]
    one = np.ones(2)
    state = {**whole, "arrays": {**whole["arrays"], **dict.fromkeys(names, one)}}
    model = skops.loads(skops.dumps(forged(state)), trusted=TRUSTED)
    start = model._fit_result.start
    assert_array_equal(start.mean, start.column_scale)
    assert not np.shares_memory(start.mean, start.column_scale)


def test_junk_anywhere_loads_or_raises_value_error(whole):
    rng, n_loaded = np.random.default_rng(0), 0
    for _ in range(100):
        document = json.loads(whole["document"])
        found = list(places(document["estimator"]))
        section, key = found[rng.integers(len(found))]
        section[key] = deepcopy(JUNK[rng.integers(len(JUNK))])
        data = skops.dumps(forged({**whole, "document": json.dumps(document)}))
        with suppress(ValueError), catch_warnings():
            simplefilter("error")
            skops.loads(data, trusted=TRUSTED)
            n_loaded += 1
    assert n_loaded < 50  # where a value is as good as another


def test_instance_without_a_state_is_not_fitted():
    loaded = skops.loads(skops.dumps(forged(None)), trusted=TRUSTED)
    with pytest.raises((NotFittedError, AttributeError)):
        loaded.transform(NUMBERS)


def test_truncated_file_does_not_load(whole):
    data = skops.dumps(forged(whole))
    for length in np.linspace(0, len(data) - 1, 50).astype(int):
        with pytest.raises((BadZipFile, ValueError)):
            skops.loads(data[:length], trusted=TRUSTED)


def test_member_with_fewer_bytes_than_it_claims_does_not_load(whole):
    before, buffer = ZipFile(io.BytesIO(skops.dumps(forged(whole)))), io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content[:-8] if name.endswith(".npy") else content)
    with pytest.raises(ValueError, match=r"reshape|EOF|data"):
        skops.loads(buffer.getvalue(), trusted=TRUSTED)
