"""What to do about what went wrong: warnings at the caller's line, and remedies."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from warnings import catch_warnings, warn


def advise(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the nearest line outside this package and scikit-learn."""
    level, packages = 1, {"sklearn_ae", "sklearn", "joblib", "contextlib"}
    while sys._getframe(level).f_globals.get("__name__", "").split(".")[0] in packages:
        level += 1
    warn(message, category, stacklevel=level + 1)


@contextmanager
def told_once() -> Iterator[None]:
    """Repeat what is warned of inside, each text once, at the caller's line."""
    with catch_warnings(record=True) as told:
        yield
    different = {(one.category, str(one.message)): one.message for one in told}
    for message in different.values():
        advise(message)


@contextmanager
def cure_of_text(estimator: Any) -> Iterator[None]:
    """Add to errors of text among numbers what encodes it."""
    try:
        yield
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        raise ValueError(
            f"{error}. Columns of text and categories are encoded by TableEncoder: "
            f"make_pipeline(TableEncoder(), {type(estimator).__name__}())."
        ) from error
