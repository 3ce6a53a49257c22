"""Turn measured rows into text, CSV files and the figure."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FACTORS = "hidden factors"
REGIME_TITLES = {
    "none": "No redundancy",
    "linear": "Linear redundancy",
    "curved": "Curved redundancy",
}
# Told apart by lightness, so that a grey print still shows which is which.
FILL = {"autoencoder": "#1f4e79", FACTORS: "white"}
OTHER_FILL = "#c9cdd2"
_BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
_DOTS: dict[str, Any] = {
    "markersize": 4,
    "markerfacecolor": "black",
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


def write_rows(rows: pd.DataFrame, path: Path) -> None:
    """Write one line per fit."""
    rows.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    print(f"Wrote {path}")


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over the folds; ``spread`` is their standard deviation, NaN for one."""
    groups = rows.groupby(["data", "n_components", "method"], sort=False)
    return groups.agg(
        metric=("metric", "first"),
        score=("score", "mean"),
        spread=("score", "std"),
        held_out_fvu=("held_out_fvu", "mean"),
        fit_seconds=("fit_seconds", "mean"),
    )


def _number(value: float, digits: int = 3) -> str:
    """Print a number, or a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _heading(rows: pd.DataFrame, text: str) -> str:
    """Say what a table shows, and over how many folds."""
    n_folds = rows["fold"].nunique()
    over = "the first fold only" if n_folds == 1 else f"mean of {n_folds} folds"
    return f"\n{text} ({over})"


def regime_text(rows: pd.DataFrame) -> str:
    """Lay out the regimes: one line per method."""
    summary = summarise(rows)
    table = pd.DataFrame(
        {
            "R2": summary["score"].map(_number),
            "spread": summary["spread"].map(_number),
            "held-out FVU": summary["held_out_fvu"].map(_number),
            "fit seconds": summary["fit_seconds"].map(lambda value: _number(value, 2)),
        }
    ).reset_index()
    table = table.drop(columns="n_components").rename(columns={"data": "regime"})
    table["regime"] = table["regime"].mask(table["regime"].duplicated(), "")
    heading = _heading(rows, "Regression on the codes of 900 columns")
    return f"{heading}\n\n{table.to_string(index=False)}\n"


def real_text(rows: pd.DataFrame) -> str:
    """Lay out the real tables: one line per table and code size, PCA beside ours."""
    wide = summarise(rows).unstack("method")
    ours, pca = "autoencoder", "PCA"
    fvu = wide["held_out_fvu"]
    table = pd.DataFrame(
        {
            "metric": wide["metric", pca],
            pca: wide["score", pca].map(_number),
            ours: wide["score", ours].map(_number),
            "FVU PCA": fvu[pca].map(_small),
            "FVU ours": fvu[ours].map(_small),
            "ratio": (fvu[ours] / fvu[pca]).map(_number),
            "fit seconds": wide["fit_seconds", ours].map(lambda value: f"{value:.2f}"),
        }
    ).reset_index()
    table = table.rename(columns={"data": "table", "n_components": "k"})
    heading = _heading(rows, "Linear model on the codes of real tables")
    return f"{heading}\n\n{table.to_string(index=False)}\n"


def _small(value: float) -> str:
    """Print an FVU with three digits, however small."""
    return f"{value:.3g}"


def regime_figure(rows: pd.DataFrame) -> Figure:
    """Draw the regimes side by side: R2 above, what the codes lose below."""
    figure = Figure(figsize=(10, 5.4), dpi=150, layout="constrained")
    regimes = list(rows.groupby("data", sort=False))
    axes = figure.subplots(2, len(regimes), squeeze=False, sharex="row", sharey="row")
    methods = list(rows["method"].unique())
    reduced = list(rows.loc[rows["held_out_fvu"].notna(), "method"].unique())
    for column, (name, regime) in enumerate(regimes):
        top, bottom = axes[:, column]
        _bars(top, regime, "score", sorted(methods, key=FACTORS.__eq__))
        _bars(bottom, regime, "held_out_fvu", reduced)
        top.set_title(REGIME_TITLES[str(name)], fontweight="bold")
        top.set_xlabel("held-out R² (higher is better)")
        bottom.set_xlabel("held-out FVU (lower is better)")
    for row, value in zip(axes, ["score", "held_out_fvu"], strict=True):
        row[0].set_xlim(min(0, rows[value].min()), 1.25 * max(1, rows[value].max()))
        row[0].invert_yaxis()
    return figure


def _bars(ax: Axes, rows: pd.DataFrame, value: str, methods: list[str]) -> None:
    """Draw one bar per method for the mean, and one dot per fold."""
    for position, method in enumerate(methods):
        values = rows.loc[rows["method"] == method, value]
        if values.empty:
            ax.annotate("none", (0, position), xytext=(6, 0), **_BESIDE)
            continue
        mean = values.mean()
        fill = FILL.get(method, OTHER_FILL)
        ax.barh(
            position, mean, color=fill, edgecolor="black", linewidth=0.5, height=0.62
        )
        ax.plot(values, [position] * len(values), "o", **_DOTS)
        end = max(mean, values.max(), 0)
        ax.annotate(f"{mean:.3f}", (end, position), xytext=(7, 0), **_BESIDE)
    ax.set_yticks(range(len(methods)), methods)
    ax.set_xticks([0, 0.5, 1])
    ax.spines[["top", "right"]].set_visible(False)
