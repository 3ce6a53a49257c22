"""What is lost of tables on which there is little to gain: never much more than by PCA.

Some 500 synthetic tables of 25 kinds (`synthetic.py`): default fits beside PCA, on rows
held out, and on the same rows far outside the range of training.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks.datasets import split_names
from benchmarks.measuring import (
    FIT_COLUMNS,
    Split,
    lost_by,
    one_thread,
    split_table,
    timed_fit,
)
from benchmarks.ratios import OURS, SMALLEST_FVU, geometric_mean
from benchmarks.records import Row
from benchmarks.reports import (
    ROUNDING,
    Promise,
    at_most,
    bullets,
    decimals,
    markdown,
    number,
)
from benchmarks.suite import Suite
from benchmarks.synthetic import Design, designs
from sklearn_ae import AutoencoderTransformer

HELD_OUT = 1 / 3
DISTANCES = (2, 5, 10)
# Where PCA leaves less of the variance, there is nothing to divide by.
NOTHING = 1e-10

SLIGHT, SLIGHT_TABLES = 1.02, 5
WORST = 1.10
WORST_STRETCHED = 1.5
TRAIN_EXCESS = 1e-6

SUMS = {distance: f"ratio_at_{distance}" for distance in DISTANCES}
TYPICAL = {distance: f"row_ratio_at_{distance}" for distance in DISTANCES}
RATIOS = ("held_out_ratio", *SUMS.values(), *TYPICAL.values())

INTRO = """\
# Floor

Synthetic tables of many kinds, most of them with little or nothing to bend after:
squared reconstruction errors of default fits by PCA's, at the same number of codes, on
a third of the rows that was held out. Below 1 the autoencoder is better. README.md says
what the kinds are. Written from the CSV of the same name by `python -m benchmarks
floor`.
"""


def row_errors(model: object, X: np.ndarray) -> np.ndarray:
    """Sum the squared errors of each row up, none less than rounding."""
    restored = model.inverse_transform(model.transform(X))  # type: ignore[attr-defined]
    least = SMALLEST_FVU * float(np.mean(np.sum(X**2, axis=1)))
    return np.maximum(np.sum((X - restored) ** 2, axis=1), least)


def error_ratios(ours: object, pca: object, split: Split) -> Row:
    """Divide our errors by PCA's: of rows held out, and of the same rows far away."""
    row: Row = {}
    for distance in (1, *DISTANCES):
        # The training mean is zero, as all columns are standardised.
        X = distance * split.X_test
        found, expected = row_errors(ours, X), row_errors(pca, X)
        if distance == 1:
            row["held_out_ratio"] = found.sum() / expected.sum()
        else:
            row[SUMS[distance]] = found.sum() / expected.sum()
            row[TYPICAL[distance]] = np.exp(np.log(found / expected).mean())
    # Less 1, as six digits of a ratio would not show what is promised.
    train = row_errors(ours, split.X).sum() / row_errors(pca, split.X).sum()
    return row | {"train_excess": train - 1}


def measure_design(design: Design) -> Row:
    """Measure one table; the ratios are left out where PCA leaves nothing."""
    row: Row = {
        "kind": design.kind,
        "table": design.name,
        "method": OURS,
        "n_components": design.n_components,
        "rows": design.n_rows,
        "columns": design.n_columns,
    }
    split = split_table(design.table(), 0, HELD_OUT)
    pca = PCA(design.n_components, svd_solver="full").fit(split.X)
    row["pca_fvu"] = lost_by(pca, split.X_test)
    if min(row["pca_fvu"], lost_by(pca, split.X)) < NOTHING:
        return row
    ours = AutoencoderTransformer(design.n_components, random_state=0, device="cpu")
    try:
        row |= timed_fit(ours, split.X)
        row |= error_ratios(ours, pca, split)
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"[:200]
    return row


def measure_designs(planned: Iterable[Design]) -> Iterator[Row]:
    """Yield a row per table; with one thread, as these tables are small."""
    with one_thread():
        for design in planned:
            yield measure_design(design)


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the tables of the kinds asked for that are not there yet."""
    done = set(kept.get("table", ()))
    planned = [*designs(options.kinds, options.quick)]
    return measure_designs(d for d in planned if d.name not in done)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--kinds", type=split_names, metavar="A,B", help="only these kinds of tables")
    add("--resume", action="store_true", help="keep the rows that are already there")


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Select tables of which PCA leaves something; failed fits are infinitely bad."""
    failed = rows["error"] != ""
    rows = rows[failed | rows["held_out_ratio"].notna()]
    figures = rows[[*RATIOS, "train_excess"]].fillna(np.inf)
    return rows.assign(**figures).set_index("table")


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    found = compared(rows)
    if found.empty:
        return []
    held_out, excess = found["held_out_ratio"], found["train_excess"]
    slight = (
        f"held-out errors above {SLIGHT} times PCA's on at most {{:.0f}} of "
        f"{len(found)} tables"
    )
    above = int((held_out > SLIGHT).sum())
    train = f"errors of the training rows at most 1 + {TRAIN_EXCESS} times PCA's"
    return [
        at_most(slight, above, float(SLIGHT_TABLES), "", 0),
        _worst("held-out errors at most {:.2f} times PCA's", held_out, WORST),
        *(
            _worst(
                f"rows at {distance} times the distance: at most {{:.1f}} times PCA's",
                found[column],
                WORST_STRETCHED,
            )
            for distance, column in SUMS.items()
        ),
        Promise(
            train,
            f"1 {excess.max():+.1e} ({excess.idxmax()})",
            bool(excess.max() <= TRAIN_EXCESS),
        ),
    ]


def _worst(promised: str, ratio: pd.Series, limit: float) -> Promise:
    """Check the worst table, and name it."""
    return at_most(
        f"{promised} on every table", ratio.max(), limit, f" ({ratio.idxmax()})"
    )


def notes(rows: pd.DataFrame) -> list[str]:
    """Say how many tables there are, and which are skipped."""
    found = compared(rows)
    lines = [
        f"{len(rows)} tables, {rows['rows'].min()} to {rows['rows'].max()} rows, "
        f"{rows['columns'].min()} to {rows['columns'].max()} columns; one split, a "
        "third of the rows held out",
        f"processor seconds of all fits: {rows['cpu_seconds'].sum():.0f}",
    ]
    if nothing := sorted(set(rows["table"]) - set(found.index)):
        lines.append(f"skipped, as PCA leaves nothing: {', '.join(nothing)}")
    return lines


def by_kind(found: pd.DataFrame) -> pd.DataFrame:
    """Sum the held-out ratios up, one line per kind, and one over all tables."""
    groups = {str(kind): group for kind, group in found.groupby("kind", sort=False)}
    lines = {}
    for kind, group in {**groups, "all kinds": found}.items():
        ratio = group["held_out_ratio"]
        lines[kind] = {
            "tables": len(ratio),
            "geometric mean": geometric_mean(ratio),
            "best": ratio.min(),
            "worst": ratio.max(),
            f"above {SLIGHT}": int((ratio > SLIGHT).sum()),
            "equal PCA": int((abs(ratio - 1) <= ROUNDING).sum()),
            "worst at 10": group[SUMS[10]].max(),
        }
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("kind")


def stretched(found: pd.DataFrame) -> pd.DataFrame:
    """Sum up the ratios of rows far away, by sums of errors and by typical rows."""
    lines = {}
    for name, columns in (("sum of errors", SUMS), ("typical row", TYPICAL)):
        for distance, column in columns.items():
            ratio = found[column]
            lines[name, distance] = {
                "median": ratio.median(),
                "geometric mean": geometric_mean(ratio),
                "worst": ratio.max(),
                f"above {WORST_STRETCHED}": int((ratio > WORST_STRETCHED).sum()),
                "worst table": ratio.idxmax(),
            }
    table = pd.DataFrame.from_dict(lines, orient="index")
    return table.rename_axis(["ratio", "distance"])


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the ratios by kind, those of stretched rows, and each table that lost."""
    found = compared(rows)
    if found.empty:
        return
    yield "## Held-out errors by PCA's, by kind of table"
    yield (
        "`equal PCA`: as far as six digits show. `worst at 10`: of the held-out rows, "
        "put at ten times their distance from the training mean."
    )
    yield markdown(by_kind(found))
    yield "## Rows outside the range of training"
    yield (
        "The held-out rows, put at so many times their distance from the training "
        "mean: the sum of our errors by the sum of PCA's, and the geometric mean over "
        "the rows of the ratio of their errors; over all tables."
    )
    yield markdown(stretched(found))
    yield f"## Tables with held-out errors above {SLIGHT} times PCA's"
    yield bullets([*_lost(found)] or ["none"])
    seconds = rows.groupby("rows")["cpu_seconds"].agg(["mean", "max"])
    yield f"## Processor seconds of a fit\n\n{markdown(seconds, decimals(2))}"


def _lost(found: pd.DataFrame) -> Iterator[str]:
    """Name the tables on which more is lost than by PCA, the worst first."""
    worse = found[found["held_out_ratio"] > SLIGHT]
    for table, row in worse.sort_values("held_out_ratio", ascending=False).iterrows():
        yield (
            f"{table} k={row['n_components']}: {number(row['held_out_ratio'])}; PCA's "
            f"FVU {number(row['pca_fvu'])}"
        )


SUITE = Suite(
    intro=INTRO,
    columns=(
        "kind", "table", "method", "n_components", "rows", "columns", "pca_fvu",
        *RATIOS, "train_excess", *FIT_COLUMNS,
    ),
    measure=measure,
    report=report,
    promises=promises,
    notes=notes,
    add_options=add_options,
    staying=lambda options, rows: options.resume,
)  # fmt: skip
