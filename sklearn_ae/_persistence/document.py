"""The JSON in a saved file: plain data, and what of it a fit can consist of."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from sklearn_ae.networks.fully_connected import ACTIVATIONS

Document = dict[str, Any]

KEY_LENGTH = 624  # words in the state of the Mersenne Twister
# To be raised whenever earlier versions would read a file wrongly.
FORMAT = 1

COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, sys.float_info.max, closed="right")
FINITE = Interval(Real, -sys.float_info.max, sys.float_info.max, closed="both")

# What the JSON holds, in the form of scikit-learn's parameter constraints.
DOCUMENT = {
    "format": [COUNT],
    "estimator": [str],
    "versions": [dict],
    "parameters": [dict],
    "output": [StrOptions({"default", "pandas", "polars"}), None],
    "n_features_in_": [COUNT],
    "feature_names_in_": [list, None],
    "architecture": [dict],
    "numbers": [dict],
    "net": [dict],
    "history": [list],
    "is_validated": ["boolean"],
}
ARCHITECTURE = {
    "n_components": [COUNT],
    "hidden_layer_sizes": [list],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "code_activation": [StrOptions(set(ACTIVATIONS))],
    "output_activation": [StrOptions({"identity", "logistic"})],
    "sparse": ["boolean"],
    "init": [StrOptions({"pca", "random"})],
    "whiten": ["boolean"],
    "n_steps": [Interval(Integral, 0, None, closed="left")],
}
NUMBERS = {
    "scale": [POSITIVE],
    "code_scale": [POSITIVE],
    "total_variance": [FINITE],
    "n_samples": [POSITIVE],
    "noise": [POSITIVE],
    "score": [FINITE],
    "pca_score": [FINITE],
    "loss": [FINITE],
    "loss_unit": [FINITE],
    "shrinkage": [FINITE],
}
# Settings of the net that depend on the fit.
NET = {
    "batch_size": [COUNT],
    "verbose": ["verbose"],
    "optimizer__lr": [POSITIVE],
    "optimizer__weight_decay": [FINITE],
    "iterator_train__nested_dropout": [FINITE],
    "iterator_valid__batch_size": [COUNT],
    "refit_penalty": [POSITIVE, None],
}
SECTIONS = {"architecture": ARCHITECTURE, "numbers": NUMBERS, "net": NET}


def encode_named(what: str, value: object) -> Any:
    """Encode a value; say which it is where that cannot be done."""
    try:
        return encode(value)
    except TypeError as error:
        raise TypeError(
            f"{what[:120]} cannot be saved without pickle: {str(error)[:120]}. Change "
            "it before the fit, or keep the estimator with joblib.dump."
        ) from error


def check_document(document: Any) -> Document:
    """Return what was read from JSON if every part has the right kind and range."""
    if not isinstance(document, dict):
        raise ValueError("Its JSON is not an object.")
    _check_section("the JSON", document, DOCUMENT)
    for name, constraints in SECTIONS.items():
        _check_section(f"the JSON's {name}", document[name], constraints)
    names = document["feature_names_in_"]
    if names is not None and not (
        len(names) == document["n_features_in_"]
        and all(isinstance(name, str) for name in names)
    ):
        raise ValueError(
            "Its feature_names_in_ are not as many strings as n_features_in_ says."
        )
    sizes = document["architecture"]["hidden_layer_sizes"]
    if not all(COUNT.is_satisfied_by(size) for size in sizes):
        raise ValueError(
            f"Its hidden_layer_sizes={str(sizes)[:80]} are not all counts."
        )
    return document


def _check_section(
    name: str, section: Document, constraints: dict[str, list[Any]]
) -> None:
    """Raise unless a JSON object has these entries and no others, all of them valid."""
    if section.keys() != constraints.keys():
        differences = sorted(section.keys() ^ constraints.keys())
        raise ValueError(
            f"It is damaged, or of another version: {name} lacks, or should not have, "
            f"{str(differences)[:200]}."
        )
    validate_parameter_constraints(constraints, section, caller_name=name)


def decode_parameters(document: Document, known: Sequence[str]) -> dict[str, Any]:
    """Return the estimator's parameters, all of which have to be known ones."""
    unknown = sorted(document["parameters"].keys() - set(known))
    if unknown:
        raise ValueError(
            f"It has parameters that this version does not know: {str(unknown)[:200]}."
        )
    return {name: decode(value) for name, value in document["parameters"].items()}


def decode_history(document: Document) -> list[dict[str, Any]]:
    """Return the history of the net, one dict an epoch."""
    history = decode(document["history"])
    for row in history:
        if not (isinstance(row, dict) and isinstance(row.get("batches"), list)):
            raise ValueError("Its history is damaged: an epoch has no batches.")
        loss = row.get("train_loss")
        if not (isinstance(loss, float) and math.isfinite(loss)):
            raise ValueError("Its history is damaged: an epoch has no train_loss.")
        # This one may be infinite.
        if document["is_validated"] and not isinstance(row.get("valid_loss"), float):
            raise ValueError("Its history is damaged: an epoch has no valid_loss.")
    return list(history)


def encode(value: object) -> Any:
    """Return what JSON holds of plain data; TypeError for everything else.

    Every JSON object has one entry, whose key names the kind of what it stands for.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else {"float": repr(number)}
    if isinstance(value, np.ndarray | list):
        return [encode(item) for item in value]
    return _encode_other(value)


def _encode_other(value: object) -> dict[str, Any]:
    """Encode what JSON has no word for."""
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(item) for key, item in value.items()}}
    if isinstance(value, np.random.RandomState):
        state = value.get_state(legacy=False)
        if state["bit_generator"] == "MT19937":
            twister = state["state"]
            parts = twister["key"], twister["pos"], state["has_gauss"], state["gauss"]
            return {"RandomState": [encode(part) for part in parts]}
    raise TypeError(f"{value!r} is not plain data")


def decode(value: Any) -> Any:
    """Return what `encode` was given; ValueError for what it does not write."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        match value:
            case {"tuple": list(items)}:
                return tuple(decode(item) for item in items)
            case {"dict": dict(items)}:
                return {key: decode(item) for key, item in items.items()}
            case {"float": "inf" | "-inf" | "nan" as number}:
                return float(number)
            case {
                "RandomState": [list(key), int(at), 0 | 1 as has_gauss, float(gauss)]
            }:
                return _random_state(key, at, has_gauss, gauss)
    raise ValueError(f"{str(value)[:80]} stands for nothing that can be saved.")


def _random_state(
    key: list[Any], position: int, has_gauss: int, gauss: float
) -> np.random.RandomState:
    """Return a generator in this state, which NumPy itself would hardly check."""
    words = all(isinstance(word, int) and 0 <= word < 2**32 for word in key)
    within = 0 <= position <= KEY_LENGTH and math.isfinite(gauss)
    if not (words and len(key) == KEY_LENGTH and within):
        raise ValueError("The state of a RandomState is damaged.")
    random_state = np.random.RandomState(0)
    state = ("MT19937", np.array(key, np.uint32), position, has_gauss, gauss)
    random_state.set_state(state)
    return random_state
