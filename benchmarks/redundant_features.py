"""Ways to compress redundant columns before a linear regression, and real tables.

The main job of the benchmarks. Three regimes of 900 columns and 1000 rows, then a
linear model behind PCA and behind the autoencoder on real tables, and a published case.
"""

from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from benchmarks import published, ratios
from benchmarks.datasets import REGIMES, Table, load_tables
from benchmarks.measuring import FIT_COLUMNS, lost_by, timed_fit
from benchmarks.methods import (
    PREDICTORS,
    REDUCERS,
    TARGETED,
    WITH_TARGET,
    build_pipeline,
)
from benchmarks.ratios import OURS, REFERENCE
from benchmarks.records import Row
from benchmarks.reports import (
    Promise,
    at_least,
    at_most,
    decimals,
    markdown,
    three_digits,
)
from benchmarks.suite import Suite

N_FOLDS = 5
N_COMPONENTS = 10
CODE_SIZES = (2, 10)  # of the real tables
QUICK_TABLES = ("digits", "satimage")
LINEAR_TOLERANCE = 0.005
CURVED_R2 = 0.97
# One fold alone lies further from the mean of five.
CURVED_R2_QUICK = 0.96
# With the target, and the most by which that may raise what is lost of the columns.
TARGET_R2 = {"none": 0.99, "linear": 0.995, "curved": 0.985}
TARGET_COST = 1.1
FIGURES = ("score", "held_out_fvu")

FACTORS = "hidden factors"
REGIME_TITLES = {
    "none": "No redundancy",
    "linear": "Linear redundancy",
    "curved": "Curved redundancy",
}
# Told apart by lightness, so that a grey print still shows which is which.
FILL = {OURS: "#1f4e79", WITH_TARGET: "#1f4e79", FACTORS: "white"}
OTHER_FILL = "#c9cdd2"
_BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
_DOTS: dict[str, Any] = {
    "markersize": 4,
    "markerfacecolor": "black",
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}

INTRO = """\
# Redundant features

A linear regression behind the codes of columns that repeat each other in three ways,
and a linear model behind the codes of real tables. README.md says what is measured.
Written from the CSV of the same name by `python -m benchmarks redundant_features`.
"""


@dataclass(frozen=True)
class Job:
    """One method on one table: what to fit, and what to call it in the report."""

    table: Table
    method: str
    n_components: int
    scale: bool = True
    shuffle: bool = False
    label: str = ""


def held_out_fvu(pipeline: Pipeline, X: np.ndarray) -> float:
    """Score a fitted pipeline by the fraction of variance its codes lose.

    The squared reconstruction error of the rows over their squared distance from the
    training mean, both in the standardised space in which the reducer works. That mean
    is zero there. NaN for a pipeline that reduces nothing.
    """
    scaler, reducer = pipeline.named_steps["scaler"], pipeline.named_steps["reducer"]
    if reducer == "passthrough":
        return float("nan")
    return lost_by(reducer, scaler.transform(X))


def _splits(job: Job) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split as ``cross_val_score`` does, after a seeded shuffle for sorted tables."""
    by_class = job.table.task == "classification"
    splitter = (StratifiedKFold if by_class else KFold)(
        N_FOLDS, shuffle=job.shuffle, random_state=0 if job.shuffle else None
    )
    return splitter.split(job.table.X, job.table.y)


def measure_job(job: Job, n_folds: int = N_FOLDS) -> Iterator[Row]:
    """Yield one row for each of the first ``n_folds`` folds.

    All figures of a row come from one fit, whose seconds are those of the whole
    pipeline: scaling, reduction and linear model.
    """
    X, y, task = job.table.X, job.table.y, job.table.task
    for fold, (train, test) in enumerate(islice(_splits(job), n_folds)):
        pipeline = build_pipeline(job.method, task, job.n_components, scale=job.scale)
        figures = timed_fit(pipeline, X[train], y[train])
        yield {
            "table": job.table.name,
            "method": job.label or job.method,
            "n_components": job.n_components,
            "split": fold,
            "metric": "accuracy" if task == "classification" else "r2",
            "score": pipeline.score(X[test], y[test]),
            "held_out_fvu": held_out_fvu(pipeline, X[test]),
            **figures,
        }


def regime_jobs(
    tables: Iterable[Table], n_components: int = N_COMPONENTS
) -> Iterator[Job]:
    """List the methods of each regime, and the hidden factors where there are any."""
    for table in tables:
        for method in (*REDUCERS, *TARGETED, *PREDICTORS):
            # The published figure of the case without redundancy has no scaling.
            scale = not (table.name == "none" and method == "nothing")
            yield Job(table, method, n_components, scale)
        if table.factors is not None:
            known = replace(table, X=table.factors)
            yield Job(known, "nothing", n_components, label=FACTORS)


def table_jobs(tables: Iterable[Table]) -> Iterator[Job]:
    """List PCA and the autoencoder at each code size below the number of columns."""
    for table in tables:
        for size in CODE_SIZES:
            for method in (REFERENCE, OURS):
                if size < table.X.shape[1]:
                    # Rows may come sorted by class or time, so they are shuffled first.
                    yield Job(table, method, size, shuffle=True)


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the regimes, then real tables, for the quick form only two."""
    tables = load_tables(options.data)
    if options.quick:
        tables = [table for table in tables if table.name in QUICK_TABLES]
    print(published.check_folds(), flush=True)
    print("\n".join(ratios.skipped(tables, CODE_SIZES)))
    regimes = [generate() for generate in REGIMES.values()]
    jobs = [*regime_jobs(regimes), *table_jobs(tables)]
    n_folds = 1 if options.quick else N_FOLDS
    rows = (row for job in jobs for row in measure_job(job, n_folds))
    return rows if options.quick else chain(rows, published.measure_curve())


def parts(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the regimes and those of real tables."""
    is_regime = rows["table"].isin(list(REGIMES))
    is_curve = rows["table"] == published.CURVE
    return rows[is_regime], rows[~is_regime & ~is_curve]


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    regimes, _ = parts(rows)
    r2 = regimes.groupby(["table", "method"])["score"].mean()
    least = CURVED_R2_QUICK if regimes["split"].nunique() == 1 else CURVED_R2
    gap = abs(r2["linear", OURS] - r2["linear", REFERENCE])
    near = "linear: the autoencoder's R2 within {:.3f} of PCA's"
    above = "curved: the autoencoder's R2 at least {:.2f}"
    return [
        at_most(near, gap, LINEAR_TOLERANCE),
        at_least(above, r2["curved", OURS], least),
        *target_promises(regimes),
        *published.curve_promises(rows),
    ]


def target_promises(regimes: pd.DataFrame) -> list[Promise]:
    """Compare what the target gains and costs with what was promised."""
    if WITH_TARGET not in set(regimes["method"]):
        return []
    means = regimes.groupby(["method", "table"])[list(FIGURES)].mean()
    ours, alone = means.loc[WITH_TARGET], means.loc[OURS]
    cost = (ours["held_out_fvu"] / alone["held_out_fvu"]).max()
    return [
        at_least(f"{name}: with the target R2 at least {{:g}}", score, TARGET_R2[name])
        for name, score in ours["score"].items()
    ] + [at_most("with the target at most {:g} times the loss", cost, TARGET_COST)]


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Average over the folds; ``spread`` is their standard deviation, NaN for one."""
    groups = rows.groupby(["table", "n_components", "method"], sort=False)
    return groups.agg(
        metric=("metric", "first"),
        score=("score", "mean"),
        spread=("score", "std"),
        held_out_fvu=("held_out_fvu", "mean"),
        fit_seconds=("fit_seconds", "mean"),
    )


def _over(rows: pd.DataFrame) -> str:
    """Say over how many folds a table is averaged."""
    n_folds = rows["split"].nunique()
    return "the first fold only" if n_folds == 1 else f"mean of {n_folds} folds"


def regime_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay the regimes out: one line per method."""
    titles = {"score": "R2", "held_out_fvu": "held-out FVU"}
    summary = summarise(rows).droplevel("n_components").rename(columns=titles)
    seconds = summary.pop("fit_seconds").map(decimals(2))
    table = summary.drop(columns="metric").assign(**{"fit seconds": seconds})
    return table.rename_axis(["regime", "method"])


def real_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Lay the real tables out: one line per table and code size, PCA beside ours."""
    wide = summarise(rows).unstack("method")
    fvu = wide["held_out_fvu"]
    return pd.DataFrame(
        {
            "metric": wide["metric", REFERENCE],
            REFERENCE: wide["score", REFERENCE],
            OURS: wide["score", OURS],
            "FVU PCA": fvu[REFERENCE].map(three_digits),
            "FVU ours": fvu[OURS].map(three_digits),
            "ratio": fvu[OURS] / fvu[REFERENCE],
            "fit seconds": wide["fit_seconds", OURS].map(decimals(2)),
        }
    )


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the regimes, the real tables, and the published curve."""
    regimes, real = parts(rows)
    yield f"## Regression on the codes of 900 columns ({_over(regimes)})"
    yield markdown(regime_table(regimes))
    if len(real):
        yield f"## Linear model on the codes of real tables ({_over(real)})"
        yield markdown(real_table(real))
    yield from published.curve_text(rows)


def regime_figure(rows: pd.DataFrame) -> Figure:
    """Draw the regimes side by side: R2 above, what the codes lose below."""
    figure = Figure(figsize=(10, 5.4), dpi=150, layout="constrained")
    regimes = list(rows.groupby("table", sort=False))
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
    for row, value in zip(axes, FIGURES, strict=True):
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


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """Write the figure of the regimes."""
    regime_figure(parts(rows)[0]).savefig(stem.with_suffix(".png"))


SUITE = Suite(
    intro=INTRO,
    columns=(
        "table", "method", "n_components", "split", "metric", *FIGURES,
        *published.CURVE_FIGURES, *FIT_COLUMNS,
    ),
    measure=measure,
    report=report,
    promises=promises,
    draw=draw,
)  # fmt: skip
