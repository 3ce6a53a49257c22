"""Values of a column as NumPy's arrays, whatever table they are from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CATEGORIES, NUMBERS = "categories", "numbers"
KINDS = {"f": NUMBERS, "M": "dates", "m": "durations"}
NOTHING = {
    CATEGORIES: np.array([None], dtype=object),
    NUMBERS: np.array([np.nan]),
    "dates": np.array(["NaT"], dtype="M8[us]"),
    "durations": np.array(["NaT"], dtype="m8[us]"),
}


class Values(NamedTuple):
    """Values of a column, whose dtype says of which kind they are.

    float64 of numbers (NaN is missing), datetime64 and timedelta64 (NaT is missing),
    else object (None is missing).
    """

    array: NDArray  # (n_samples,)
    is_integer: bool = False

    @property
    def kind(self) -> str:
        """What the values are, in a word."""
        return KINDS.get(self.array.dtype.kind, CATEGORIES)

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which values are not there."""
        return is_none(self.array) if self.kind == CATEGORIES else np.isnan(self.array)

    def equal(self, marker: Any) -> NDArray[np.bool_]:
        """Tell which values stand for a missing one; True is no 1."""
        if self.kind not in (CATEGORIES, NUMBERS) or np.ndim(marker):
            return np.zeros(len(self.array), dtype=bool)
        wanted = isinstance(marker, bool)
        return np.array(
            [one == marker and isinstance(one, bool) == wanted for one in self.array],
            dtype=bool,
        )


def objects(values: Sequence[Any]) -> NDArray:
    """Return an array of objects, which may be sequences."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def is_none(values: Iterable[Any]) -> NDArray[np.bool_]:
    """Return which objects are None."""
    return np.array([value is None for value in values], dtype=bool)


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT or the NA of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.generic) and bool(value != value)


def as_categories(values: Sequence[Any]) -> Values:
    """Return objects as they are; what is missing is None."""
    plain = {str, bool}  # most values are, and then nothing needs to be called
    found = [
        value if type(value) in plain or not is_missing(value) else None
        for value in values
    ]
    return Values(objects(found))


def of_objects(values: Sequence[Any]) -> Values:
    """Return objects as the kind of values that all of them are of."""
    found = as_categories(values)
    present = ~found.is_missing
    known = found.array[present]
    if len(known) == 0 or _are_all(known, bool | np.bool_ | str):
        return found
    times: tuple[tuple[Any, str], ...] = (
        (np.timedelta64, "m8[ns]"),
        (timedelta, "m8[us]"),
        (np.datetime64, "M8[ns]"),
        (datetime, "M8[us]"),
        (date, "M8[D]"),
    )
    for kind, dtype in times:
        has_zone = any(getattr(value, "tzinfo", None) for value in known)
        if _are_all(known, kind) and not has_zone:
            array = np.full(len(found.array), "NaT", dtype=dtype)
            array[present] = known.astype(dtype)
            return Values(array)
    if _are_all(known, Real) and not any(isinstance(one, bool) for one in known):
        numbers = np.full(len(found.array), np.nan)
        numbers[present] = known.astype(np.float64)
        return Values(numbers, _are_all(known, Integral))
    return found


def as_objects(array: NDArray) -> NDArray:
    """Return values as Python's objects; what is missing is None."""
    if array.dtype == object:
        return array
    missing = Values(array).is_missing if array.dtype.kind in "fmM" else None
    exact = array.dtype.kind in "mM" and np.datetime_data(array.dtype)[0] == "ns"
    found = objects(list(array)) if exact else array.astype(object)
    if missing is not None:
        found[missing] = None
    return found


def _are_all(values: Iterable[Any], kind: Any) -> bool:
    return all(isinstance(value, kind) for value in values)
