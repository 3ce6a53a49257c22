"""Warnings at the line that asked for what they are about."""

import sys
from warnings import warn

PACKAGES = ("sklearn_ae", "sklearn", "joblib")


def advise(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside this package and scikit-learn."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").startswith(PACKAGES):
        level += 1
    warn(message, category, stacklevel=level + 1)
