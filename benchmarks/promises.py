"""What the benchmarks promise, and whether it holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.markdown import bullets

# The CSVs hold six digits, so that equal methods can differ in the last.
ROUNDING = 1e-5

_WORDS = {True: "kept", False: "MISSED", None: "not measured"}


class Promise(NamedTuple):
    """What was promised, what came out, and whether it holds (None: not measured)."""

    promised: str
    found: str
    kept: bool | None


def at_most(
    promised: str, value: float, limit: float, where: str = "", digits: int = 4
) -> Promise:
    """Check a figure that must not exceed a limit, which `promised` may show."""
    return _checked(promised, value, limit, where, digits, value <= limit + ROUNDING)


def at_least(
    promised: str, value: float, limit: float, where: str = "", digits: int = 4
) -> Promise:
    """Check a figure that must reach a limit, which `promised` may show."""
    return _checked(promised, value, limit, where, digits, value >= limit - ROUNDING)


def _checked(
    promised: str, value: float, limit: float, where: str, digits: int, kept: bool
) -> Promise:
    """Put promise and figure into words; NaN is none."""
    if np.isnan(value):
        return Promise(promised.format(limit), "nothing", None)
    return Promise(promised.format(limit), f"{value:.{digits}f}{where}", bool(kept))


def verdicts(promises: Sequence[Promise]) -> str:
    """List what was promised, and whether it is kept, in Markdown."""
    words = {**_WORDS, False: "**MISSED**"}
    lines = [
        f"{words[kept]}: {promised}; found {found}"
        for promised, found, kept in promises
    ]
    return "## What was promised\n\n" + bullets(lines)


def print_verdicts(promises: Sequence[Promise]) -> bool:
    """Print whether each promise is kept, and tell whether none is missed."""
    for promised, found, kept in promises:
        print(f"{_WORDS[kept]}  {promised}; found {found}")
    return all(kept is not False for _, _, kept in promises)
