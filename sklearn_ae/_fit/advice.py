"""Warnings of a fit, with the remedy, at the user's line that asked for it."""

import sys
from collections.abc import Sequence
from warnings import warn

import numpy as np

from sklearn_ae._data import LinearStart

PACKAGES = ("sklearn_ae", "sklearn", "joblib")


def advise(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside this package and scikit-learn."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").startswith(PACKAGES):
        level += 1
    warn(message, category, stacklevel=level + 1)


def advise_on_scales(start: LinearStart, names: Sequence[str] | None) -> None:
    """Warn where one of several columns has nearly all of the variance."""
    shares = start.column_scale**2 / len(start.column_scale)
    largest = int(shares.argmax())
    n_varying = np.count_nonzero(start.column_scale != 1.0)  # what is constant has 1
    if n_varying > 2 and shares[largest] > 0.99:
        name = largest if names is None else repr(names[largest])
        advise(
            f"Column {name} has more than 99 % of the variance of X, so that the codes "
            "follow it and hardly any other. Scale columns of different units, for "
            "instance with StandardScaler."
        )
