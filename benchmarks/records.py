"""Rows of the suites: one a fit, in a CSV, with versions and machine."""

import csv
import os
import platform
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import sklearn_ae
from benchmarks.methods import RIVALS, is_installed

Row = dict[str, Any]

PACKAGES = ("numpy", "scikit-learn", "skorch", "torch")
VERSIONS = ("python", "sklearn_ae", *PACKAGES, *RIVALS)
# What the columns of every row end with.
CIRCUMSTANCES = ("error", "threads", "load", "cpu", "cores", *VERSIONS)
TEXT = (
    "table", "method", "metric", "part", "section", "case", "quantity", "error", "cpu",
    *VERSIONS,
)  # fmt: skip


@cache
def machine() -> Row:
    """Name processor and versions."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sklearn_ae": sklearn_ae.__version__,
        **{name: version(name) for name in PACKAGES},
        **{name: version(name) if is_installed(name) else "" for name in RIVALS},
    }


def circumstances() -> Row:
    """Name processor, versions, threads, and how many processes ran just now."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {"threads": torch.get_num_threads(), "load": load, **machine()}


def _shown(value: Any) -> Any:
    """Print six digits of a number, and nothing where there is none."""
    if not isinstance(value, float):
        return value
    return "" if value != value else f"{value:.6g}"


def start(rows: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """Begin a file with the rows that stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = rows.reindex(columns=[*columns, *CIRCUMSTANCES])
    frame.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def append(row: Row, columns: Sequence[str], path: Path) -> None:
    """Add a row to a file, with the circumstances; a name without a column is wrong."""
    text = StringIO()
    writer = csv.DictWriter(text, [*columns, *CIRCUMSTANCES], lineterminator="\n")
    writer.writerow({k: _shown(v) for k, v in {**circumstances(), **row}.items()})
    # One write, so that an interruption leaves no half line.
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())


def read(path: Path) -> pd.DataFrame:
    """Read the rows of a file; none where there is no file."""
    if not path.exists():
        return pd.DataFrame(columns=list(CIRCUMSTANCES))
    rows = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str))
    missing = [name for name in CIRCUMSTANCES if name not in rows]
    return rows.assign(**dict.fromkeys(missing, "")).fillna(dict.fromkeys(TEXT, ""))
