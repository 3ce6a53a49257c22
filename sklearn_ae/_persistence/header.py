"""The JSON header of a saved file: what it holds, and plain data as JSON and back."""

import math
import sys
from numbers import Integral, Real
from typing import Any, get_type_hints

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from sklearn_ae._data import Imputer, LinearStart
from sklearn_ae._fit import PARAMETER_CONSTRAINTS, Fit

Document = dict[str, Any]

# To be raised whenever another version would read a file wrongly.
FORMAT = 2

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
    "history": [list],
    "is_validated": ["boolean"],
    "is_refitted": ["boolean"],
}
# Names and values of the estimator's parameters, apart from the first.
SHARED = ("activation", "code_activation", "output_activation", "init", "whiten")
ARCHITECTURE = {name: PARAMETER_CONSTRAINTS[name] for name in SHARED} | {
    "n_components": [COUNT],
    "hidden_layer_sizes": [list, tuple],
    "sparse": ["boolean"],
    "n_steps": [Interval(Integral, 0, None, closed="left")],
}
ABOVE_ZERO = {"scale", "n_samples", "noise"}
NUMBERS = {
    name: [POSITIVE if name in ABOVE_ZERO else FINITE]
    for part in (LinearStart, Imputer, Fit)
    for name, kind in get_type_hints(part).items()
    if kind is float
}


def check_document(document: Any) -> Document:
    """Return what is written or read if every part has the right kind and range."""
    if not isinstance(document, dict):
        raise ValueError("Its JSON is not an object.")
    found = document.get("format", FORMAT)
    if found != FORMAT:
        raise ValueError(
            f"It has format {found!r:.80}, but this version of sklearn_ae reads format "
            f"{FORMAT} alone. It was written by {document.get('versions')!r:.200}."
        )
    _check_section("its entries", document, DOCUMENT)
    _check_section("its architecture", document["architecture"], ARCHITECTURE)
    _check_section("its numbers", document["numbers"], NUMBERS)
    names, n_features = document["feature_names_in_"], document["n_features_in_"]
    given = [name for name in names or () if isinstance(name, str)]
    if names is not None and not len(given) == len(names) == n_features:
        raise ValueError("Its feature_names_in_ are not n_features_in_ strings.")
    sizes = document["architecture"]["hidden_layer_sizes"]
    if not all(COUNT.is_satisfied_by(size) for size in sizes):
        raise ValueError(f"Its hidden_layer_sizes={sizes!s:.80} are not all counts.")
    return document


def _check_section(name: str, section: Document, constraints: Document) -> None:
    """Raise unless a JSON object has these entries and no others, all of them valid."""
    different = sorted(section.keys() ^ constraints.keys())
    if different:
        text = f"{name.capitalize()} lack, or should not have, {different!s:.200}."
        raise ValueError(text)
    validate_parameter_constraints(constraints, section, caller_name=name)


def encode(value: Any, what: str = "It") -> Any:
    """Return what JSON holds of plain data: objects of one entry, named by its kind."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"float": repr(value)}
        case list():
            return [encode(item, what) for item in value]
        case tuple():
            return {"tuple": [encode(item, what) for item in value]}
        case dict() if all(isinstance(key, str) for key in value):
            return {"dict": {key: encode(item, what) for key, item in value.items()}}
        case np.random.RandomState():
            state = value.get_state(legacy=False)
            if state["bit_generator"] == "MT19937":
                parts = *state["state"].values(), state["has_gauss"], state["gauss"]
                return {"RandomState": [encode(part) for part in parts]}
    raise TypeError(
        f"{what[:120]} cannot be saved without pickle: {value!r:.120} is not plain "
        "data. Change it before the fit, or keep the estimator with joblib.dump."
    )


def decode(value: Any) -> Any:
    """Return what `encode` was given; ValueError for what it does not write."""
    match value:
        case list():
            return [decode(item) for item in value]
        case dict() if len(value) != 1:
            pass
        case {"tuple": list(items)}:
            return tuple(decode(item) for item in items)
        case {"dict": dict(items)}:
            return {key: decode(item) for key, item in items.items()}
        case {"float": "inf" | "-inf" | "nan" as number}:
            return float(number)
        case {"RandomState": [list(key), int(at), 0 | 1 as has_gauss, float(gauss)]}:
            return _random_state(key, at, has_gauss, gauss)
        case None | bool() | int() | float() | str():
            return value
    raise ValueError(f"{value!s:.80} stands for nothing that can be saved.")


def _random_state(
    key: list[Any], position: int, has_gauss: int, gauss: float
) -> np.random.RandomState:
    """Return a generator in this state, which NumPy itself would hardly check."""
    words = all(isinstance(word, int) and 0 <= word < 2**32 for word in key)
    within = 0 <= position <= 624 and math.isfinite(gauss)
    if not (words and len(key) == 624 and within):
        raise ValueError("The state of a RandomState is damaged.")
    random_state, state = np.random.RandomState(0), np.array(key, np.uint32)
    random_state.set_state(("MT19937", state, position, has_gauss, gauss))
    return random_state
