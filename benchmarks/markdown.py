"""Markdown and text that the reports share."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.methods import RIVALS

VERSIONS = ("python", "sklearn_ae", "numpy", "scikit-learn", "skorch", "torch")


def number(value: object) -> str:
    """Print three decimals, or three digits of a large number; a dash for none."""
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "-"
    if np.isinf(value):
        return "failed"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"


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


def bullets(lines: list[str]) -> str:
    """Print a list."""
    return "\n".join(f"- {line}" for line in lines)


def distinct(rows: pd.DataFrame, column: str) -> str:
    """Name all values of a column, most often one."""
    return ", ".join(str(value) for value in rows[column].unique() if value != "")


def machine_lines(rows: pd.DataFrame) -> list[str]:
    """Name processor and versions."""
    versions = {name: distinct(rows, name) for name in (*VERSIONS, *RIVALS)}
    return [
        f"Processor: {distinct(rows, 'cpu')}; {distinct(rows, 'cores')} cores",
        ", ".join(f"{name} {value}" for name, value in versions.items() if value),
    ]
