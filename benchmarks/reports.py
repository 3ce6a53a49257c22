"""What the reports share: Markdown, and promises that are kept or missed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.records import VERSIONS

# The CSVs hold six digits, so that equal methods can differ in the last.
ROUNDING = 1e-5

_WORDS = {True: "kept", False: "**MISSED**", None: "not measured"}


def number(value: object) -> str:
    """Print three decimals, or three digits of a large number; a dash for none."""
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "-"
    if np.isinf(value):
        return "failed"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"


def three_digits(value: object) -> str:
    """Print three digits, however small the number is; a dash for none."""
    if not isinstance(value, float):
        return str(value)
    return "-" if np.isnan(value) else f"{value:.3g}"


def whole(value: Any) -> str:
    """Print three digits, and noughts instead of a power of ten."""
    return "-" if pd.isna(value) else f"{float(f'{value:.3g}'):.12g}"


def signed(value: object) -> str:
    """Print a difference with its sign; a dash for none."""
    if not isinstance(value, float):
        return str(value)
    return "-" if np.isnan(value) else f"{value:+.3f}"


def decimals(digits: int) -> Callable[[float], str]:
    """Return what prints so many decimals, and a dash for none."""
    return lambda value: "-" if np.isnan(value) else f"{value:.{digits}f}"


def markdown(frame: pd.DataFrame, show: Callable[..., str] = number) -> str:
    """Print a table, the levels of its index first."""
    levels = frame.index.nlevels
    names = ["k" if n == "n_components" else n or "method" for n in frame.index.names]
    cells = frame.reset_index().astype(object).to_numpy()
    lines = [[*names, *map(str, frame.columns)], ["---"] * levels]
    lines[1] += ["---:"] * len(frame.columns)
    for row in cells:
        lines.append([*map(str, row[:levels]), *map(show, row[levels:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bullets(lines: Sequence[str]) -> str:
    """Print a list."""
    return "\n".join(f"- {line}" for line in lines)


def distinct(rows: pd.DataFrame, column: str) -> str:
    """Name all values of a column, most often one."""
    names = [str(value) for value in rows[column].dropna().unique() if value != ""]
    return ", ".join(names) or "not noted"


def machine_lines(rows: pd.DataFrame) -> list[str]:
    """Name processor, threads, load and versions."""
    versions = {n: distinct(rows, n) for n in VERSIONS if rows[n].ne("").any()}
    load = pd.to_numeric(rows["load"], errors="coerce").median()
    return [
        f"Processor: {distinct(rows, 'cpu')}; {distinct(rows, 'cores')} cores, "
        f"{distinct(rows, 'threads')} thread(s) of torch, load average "
        f"{decimals(1)(load)}",
        ", ".join(f"{name} {value}" for name, value in versions.items())
        or "versions not noted",
    ]


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


def promise_lines(promises: Sequence[Promise]) -> list[str]:
    """Say of each promise whether it is kept."""
    return [
        f"{_WORDS[kept]}: {promised}; found {found}"
        for promised, found, kept in promises
    ]
