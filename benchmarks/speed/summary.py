"""The arithmetic of the speed report: from measured rows to ratios and verdicts.

Ratios divide figures of the same repeat, which were taken in alternation. Where all
methods work with one thread, seconds are the processor's: on an idle machine they equal
the clock's, and on others they leave out the time in which something else ran.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.promises import Promise, at_least, at_most
from benchmarks.speed import (
    epochs,
    gpu,
    quality,
    scale,
    side_by_side,
    start,
    transform,
)
from benchmarks.speed.timing import CPU_SECONDS, SECONDS

EPOCH_TO_LOOP = 1.10
SKORCH_TO_EPOCH = 1.9
QUALITY_MEAN = 5.0
QUALITY_WORST = 2.0
THROUGHPUT = 0.95
ROW_TO_PCA = 2.0
TRANSFORM_MEGABYTES = 64.0
FLAT = 1.15
FIT_MEGABYTES = 200.0
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


def ratios(values: pd.DataFrame, method: str, reference: str) -> pd.Series:
    """Divide one method's figures by another's; empty where one was not measured."""
    if not {method, reference} <= set(values):
        return pd.Series(dtype=float)
    return (values[method] / values[reference]).dropna()


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


def geometric_mean(values: pd.Series) -> float:
    """Average ratios; those of 0, where something was not reached, are left out."""
    return float(np.exp(np.log(values[values > 0]).mean()))


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    return [
        *_epochs(wide(rows, epochs.SECTION, CPU_SECONDS)),
        *(p for name in (quality.LOOP, *quality.OTHERS) for p in _quality(rows, name)),
        *_transform(rows),
        *_scale(rows),
        *_side_by_side(rows),
        _import(wide(rows, start.SECTION, CPU_SECONDS)),
        *_gpu(rows),
    ]


def _epochs(seconds: pd.DataFrame) -> Iterator[Promise]:
    """Check our epochs by the loop's and skorch's."""
    for name in (epochs.OURS, epochs.VALIDATING):
        value, where = highest(medians(ratios(seconds, name, epochs.LOOP)))
        promised = f"epoch of {name} at most {{:.2f}} times the loop's"
        yield at_most(promised, value, EPOCH_TO_LOOP, where, 3)
    value, where = lowest(medians(ratios(seconds, epochs.SKORCH, epochs.OURS)))
    promised = "epoch at least {:.1f} times faster than skorch's with its own loader"
    yield at_least(promised, value, SKORCH_TO_EPOCH, where, 3)


def _quality(rows: pd.DataFrame, other: str) -> Iterator[Promise]:
    """Check how soon ours is as good as another method."""
    found = speedups(rows, other)
    missing = ", ".join(map(str, found.index[found == 0]))
    goal = f"as good as {other} at its best"
    mean = at_least(
        f"{goal} at least {{:.0f}} times sooner, geometric mean over the tables",
        geometric_mean(found) if (found > 0).any() else float("nan"),
        QUALITY_MEAN,
        f" (without {missing}: not reached)" if missing else longer_fits(rows, other),
        2,
    )
    yield mean._replace(kept=False) if missing else mean
    worst, where = lowest(found)
    promised = f"{goal} at least {{:.0f}} times sooner on every table"
    yield at_least(promised, worst, QUALITY_WORST, where, 2)


def _transform(rows: pd.DataFrame) -> Iterator[Promise]:
    """Check throughput, the time of one row, and memory."""
    seconds = wide(rows, transform.SECTION, CPU_SECONDS)
    encoder = best_encoder(seconds)
    value, _ = lowest(medians(ratios(seconds, encoder, transform.OURS)))
    promised = (
        "transform without steps at least {:.2f} of the bare encoder's throughput"
    )
    yield at_least(promised, value, THROUGHPUT, f" ({encoder})" if encoder else "", 3)
    seconds = wide(rows, transform.ROW_SECTION, CPU_SECONDS)
    found = medians(ratios(seconds, transform.OURS, transform.REFERENCE))
    promised = "transform of one row without steps at most {:.1f} times PCA's"
    yield at_most(promised, highest(found)[0], ROW_TO_PCA, "", 3)
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


def _beside(rows: pd.DataFrame, section: str, method: str, reference: str) -> pd.Series:
    """Return ratios of ours and of the control, NaN where not measured."""
    seconds = wide(rows, section, SECONDS)
    found = medians(ratios(seconds, method, reference))
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


def _import(seconds: pd.DataFrame) -> Promise:
    """Check the time of the import."""
    found = medians(ratios(seconds, start.OURS, start.REQUIREMENTS))
    promised = f"import at most {{:.2f}} times that of {start.REQUIREMENTS}"
    return at_most(promised, highest(found)[0], IMPORT, "", 3)


def _gpu(rows: pd.DataFrame) -> Iterator[Promise]:
    """Check epochs on a GPU, and that none waits in the midst of it."""
    seconds = wide(rows, gpu.SECTION, SECONDS)
    value, where = lowest(medians(ratios(seconds, gpu.LOOP, gpu.OURS)))
    promised = "on a GPU, at least {:.1f} of the speed of the loop"
    yield at_least(promised, value, GPU_LOOP, where, 3)
    waits = wide(rows, gpu.WAITS_SECTION, "waits")
    more = float("nan")
    if waits.size:
        more = float(waits[gpu.OURS].max() - waits[gpu.OURS].min())
    promised = "on a GPU, {:.0f} waits more in an epoch of many batches than of few"
    yield at_most(promised, more, 0, "", 0)
