"""The arithmetic of the speed report: from measured rows to ratios and verdicts.

Ratios divide figures of the same repeat, which were taken in alternation. Where all
methods work with one thread, seconds are the processor's: on an idle machine they equal
the clock's, and on others they leave out the time in which something else ran.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from benchmarks import ratios
from benchmarks.measuring import CPU_SECONDS, SECONDS
from benchmarks.reports import Promise, at_least, at_most
from benchmarks.speed import (
    encoding,
    epochs,
    quality,
    scale,
    side_by_side,
    sparse,
    start,
    transform,
)

Check = Callable[..., Promise]

EPOCH_TO_LOOP = 1.10
SKORCH_TO_EPOCH = 1.9
QUALITY_MEAN = 5.0
QUALITY_WORST = 2.0
THROUGHPUT = 0.95
ROW_TO_PCA = 2.0
TABLE_TO_COLUMNS = 1.5
TRANSFORM_MEGABYTES = 64.0
FLAT = 1.15
FIT_MEGABYTES = 200.0
SPARSE_MEGABYTES = 4000.0
JOBS = 0.6
BUSY = 1.15
IMPORT = 1.15
GPU_LOOP = 0.9


def wide(rows: pd.DataFrame, section: str, quantity: str) -> pd.DataFrame:
    """Lay a section out: a line per case and repeat, a column per method."""
    chosen = rows[(rows["section"] == section) & (rows["quantity"] == quantity)]
    if chosen.empty:
        return pd.DataFrame()
    table = chosen.pivot(index=["case", "repeat"], columns="method", values="value")
    order = pd.MultiIndex.from_frame(chosen[["case", "repeat"]].drop_duplicates())
    return table.loc[order, list(chosen["method"].unique())]


def spread(values: pd.DataFrame) -> pd.DataFrame:
    """Sum repeats up: a line per case and method with median, lowest and highest."""
    stacked = values.stack().rename("value").reset_index()
    groups = stacked.groupby(["case", "method"], sort=False)["value"]
    return groups.agg(median="median", lowest="min", highest="max", repeats="count")


def divided(
    rows: pd.DataFrame, section: str, quantity: str, method: str, reference: str
) -> pd.Series:
    """Divide a method's figures by another's, and take each case's median over repeats.

    Empty where one was not measured.
    """
    values = wide(rows, section, quantity)
    if not {method, reference} <= set(values):
        return pd.Series(dtype=float)
    return medians((values[method] / values[reference]).dropna())


def medians(values: pd.Series) -> pd.Series:
    """Take the median over the repeats of each case."""
    if values.empty:
        return pd.Series(dtype=float)
    return values.groupby(level="case", sort=False).median()


def highest(values: pd.Series) -> tuple[float, str]:
    """Return the largest value with the case it belongs to."""
    if values.empty:
        return float("nan"), ""
    return float(values.max()), f" ({values.idxmax()})"


def lowest(values: pd.Series) -> tuple[float, str]:
    """Return the smallest value with the case it belongs to."""
    value, where = highest(-values)
    return -value, where


def best_encoder(seconds: pd.DataFrame) -> str:
    """Name the block size with which the bare encoder is fastest."""
    encoders = [name for name in seconds if name.startswith(transform.ENCODER)]
    return str(seconds[encoders].median().idxmin()) if encoders else ""


def speedups(rows: pd.DataFrame, other: str) -> pd.Series:
    """How many times sooner than another method ours is as good as its best.

    One value for each case, the median over the splits; 0 where ours does not get
    there. A method that failed is left out.
    """
    seconds = wide(rows, quality.SECTION, CPU_SECONDS)
    ours = wide(rows, quality.SECTION, quality.until(other))
    if ours.empty or other not in seconds:
        return pd.Series(dtype=float)
    return medians((seconds[other] / ours[quality.OURS]).dropna())


def longer_fits(rows: pd.DataFrame, other: str) -> str:
    """Say where ours needs more than its default epochs to be as good as another."""
    times = wide(rows, quality.SECTION, quality.epochs_until(other))
    if times.empty:
        return ""
    worst = times[quality.OURS].groupby(level="case", sort=False).max()
    parts = [
        f"{case}: with {value:.0f} times the default epochs"
        for case, value in worst[worst > 1].items()
    ]
    return f" ({', '.join(parts)})" if parts else ""


# What is divided by what, in the worst case at most (or at least) a limit.
_RATIOS: tuple[tuple[Any, ...], ...] = (
    (at_most, "epoch of autoencoder at most {:.2f} times the loop's", EPOCH_TO_LOOP,
     epochs.SECTION, CPU_SECONDS, epochs.OURS, epochs.LOOP),
    (at_most, "epoch of autoencoder, validating at most {:.2f} times the loop's",
     EPOCH_TO_LOOP, epochs.SECTION, CPU_SECONDS, epochs.VALIDATING, epochs.LOOP),
    (at_least, "epoch at least {:.1f} times faster than skorch's with its own loader",
     SKORCH_TO_EPOCH, epochs.SECTION, CPU_SECONDS, epochs.SKORCH, epochs.OURS),
    (at_most, "transform of one row without steps at most {:.1f} times PCA's",
     ROW_TO_PCA, transform.ROW_SECTION, CPU_SECONDS, transform.OURS,
     transform.REFERENCE),
    (at_most, "a table is encoded in at most {:.1f} times ColumnTransformer's time",
     TABLE_TO_COLUMNS, encoding.SECTION, CPU_SECONDS, encoding.OURS,
     encoding.REFERENCE),
    (at_most, f"import at most {{:.2f}} times that of {start.REQUIREMENTS}", IMPORT,
     start.SECTION, CPU_SECONDS, start.OURS, start.REQUIREMENTS),
    (at_least, "on a GPU, at least {:.1f} of the speed of the loop", GPU_LOOP,
     epochs.GPU_SECTION, SECONDS, epochs.LOOP, epochs.OURS),
)  # fmt: skip


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    return [
        *(_ratio(rows, *promise) for promise in _RATIOS),
        *(p for name in (quality.LOOP, *quality.OTHERS) for p in _quality(rows, name)),
        *_transform(rows),
        *_scale(rows),
        _sparse(rows),
        *_side_by_side(rows),
        _waits(rows),
    ]


def _ratio(
    rows: pd.DataFrame, check: Check, promised: str, limit: float, *names: str
) -> Promise:
    """Check the worst case of a ratio."""
    value, where = (highest if check is at_most else lowest)(divided(rows, *names))
    return check(promised, value, limit, where, 3)


def _quality(rows: pd.DataFrame, other: str) -> Iterator[Promise]:
    """Check how soon ours is as good as another method."""
    found = speedups(rows, other)
    missing = ", ".join(map(str, found.index[found == 0]))
    goal = f"as good as {other} at its best"
    mean = at_least(
        f"{goal} at least {{:.0f}} times sooner, geometric mean over the tables",
        ratios.geometric_mean(found[found > 0]),
        QUALITY_MEAN,
        f" (without {missing}: not reached)" if missing else longer_fits(rows, other),
        2,
    )
    yield mean._replace(kept=False) if missing else mean
    worst, where = lowest(found)
    promised = f"{goal} at least {{:.0f}} times sooner on every table"
    yield at_least(promised, worst, QUALITY_WORST, where, 2)


def _transform(rows: pd.DataFrame) -> Iterator[Promise]:
    """Check throughput and memory."""
    encoder = best_encoder(wide(rows, transform.SECTION, CPU_SECONDS))
    part = rows, transform.SECTION, CPU_SECONDS
    value, _ = lowest(divided(*part, encoder, transform.OURS))
    promised = (
        "transform without steps at least {:.2f} of the bare encoder's throughput"
    )
    yield at_least(promised, value, THROUGHPUT, f" ({encoder})" if encoder else "", 3)
    memory = wide(rows, transform.MEMORY_SECTION, "megabytes")
    value = float(memory.max(axis=None)) if memory.size else float("nan")
    promised = "transform takes at most {:.0f} MB beyond input and output"
    yield at_most(promised, value, TRANSFORM_MEGABYTES, "", 1)


def _scale(rows: pd.DataFrame) -> Iterator[Promise]:
    """Check how time and memory of a fit grow."""
    found = wide(rows, scale.SECTION, scale.PER_ROW).median()
    cost = ", ".join(f"{name}: {value:.3g} us" for name, value in found.items())
    value = float(found.max() / found.min()) if len(found) > 1 else float("nan")
    promised = "fit time per row and epoch within a factor of {:.2f} for all sizes"
    yield at_most(promised, value, FLAT, f" ({cost})" if cost else "", 3)
    memory = wide(rows, scale.MEMORY_SECTION, "megabytes").max()
    copy = memory.get(scale.COPY, float("nan"))
    for name, allowed, words in (
        (scale.SINGLE, 0.0, "the input, which is used in place"),
        (scale.DOUBLE, copy, "a float32 copy"),
    ):
        peak = memory.get(name, float("nan"))
        promised = f"peak memory of fit, {name}: at most {{:.0f}} MB beyond {words}"
        where = f" ({peak / copy:.1f} float32 copies in all)"
        yield at_most(promised, peak - allowed, FIT_MEGABYTES, where, 0)


def _sparse(rows: pd.DataFrame) -> Promise:
    """Check that a wide sparse table does not take the memory of a dense one."""
    memory = wide(rows, sparse.SECTION, sparse.PEAK).max()
    peak = float(memory.get(sparse.OURS, float("nan")))
    promised = "fit to 100,000 x 20,000 sparse cells in at most {:.0f} MB in all"
    return at_most(promised, peak, SPARSE_MEGABYTES, "", 0)


def _beside(rows: pd.DataFrame, section: str, method: str, reference: str) -> pd.Series:
    """Return ratios of ours and of the control, NaN where not measured."""
    found = divided(rows, section, SECONDS, method, reference)
    return found.reindex([side_by_side.OURS, side_by_side.CONTROL])


def _side_by_side(rows: pd.DataFrame) -> Iterator[Promise]:
    """Check fits beside fits, beside other work, and the caller's thread count."""
    here = side_by_side
    ours, control = _beside(rows, here.SECTION, here.PARALLEL, here.SERIAL)
    promised = "cross-validation with two jobs at most {:.2f} of the serial time"
    yield at_most(promised, ours, JOBS, f" ({here.CONTROL}: {control:.3f})", 3)
    ours, control = _beside(rows, here.BUSY_SECTION, here.BUSY, here.ALONE)
    promised = "fit beside a busy core at most {:.2f} times one thread's time alone"
    yield at_most(promised, ours, BUSY, f" ({here.CONTROL}: {control:.3f})", 3)
    counts = wide(rows, here.THREADS_SECTION, "threads")
    changed = float("nan")
    if len(counts):
        changed = float((counts[here.BEFORE] != counts[here.AFTER]).sum())
    promised = "fit restores the number of threads: {:.0f} cases where it does not"
    yield at_most(promised, changed, 0, "", 0)


def _waits(rows: pd.DataFrame) -> Promise:
    """Check that no epoch on a GPU waits in the midst of it."""
    waits = wide(rows, epochs.WAITS_SECTION, "waits")
    more = float("nan")
    if waits.size:
        more = float(waits[epochs.OURS].max() - waits[epochs.OURS].min())
    promised = "on a GPU, {:.0f} waits more in an epoch of many batches than of few"
    return at_most(promised, more, 0, "", 0)
