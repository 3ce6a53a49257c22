"""How seconds, memory and what is explained change from a thousand rows to 10^8.

Rows in memory, in a file, in a stream and on the workers of a cluster, beside PCA.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from pickle import dumps
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from sklearn.decomposition import PCA, IncrementalPCA

from benchmarks import cost_model, streams
from benchmarks.cost_model import N_FEATURES
from benchmarks.datasets import check_names, split_names
from benchmarks.measuring import (
    PeakOfMemory,
    processor_seconds,
    resident,
    stopwatch,
)
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown, whole
from benchmarks.smooth_rows import SmoothRows
from benchmarks.speed.timing import apart
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

N_COMPONENTS = 5
CLUSTER_OF_GROWTH = 2  # workers
WIDE = 50  # columns of the file that memory does not hold
LIMIT_MEGABYTES = 2000
ROWS_PER_BATCH, ROWS_PER_BLOCK = 2**16, 2**18
OURS, FILE, CLUSTER = "in memory", "file", "Dask"
PCA_, INCREMENTAL = "PCA, in memory", "IncrementalPCA, file"
ML, ML_INCREMENTAL = "dask-ml PCA", "dask-ml Incremental"
# The most rows that each is given here, and the fewest.
RANGE = {
    OURS: (10**3, 10**7),
    FILE: (10**6, 10**8),
    CLUSTER: (10**6, 10**8),
    PCA_: (10**3, 10**7),
    INCREMENTAL: (10**3, 10**8),
    ML: (10**6, 10**7),  # whose rows have to fit into memory
    ML_INCREMENTAL: (10**6, 10**8),
}
WORKERS = (1, 2, 4, 8)

INTRO = """\
# Any number of rows

Fits to rows of 20 columns that follow five factors along curves (five codes), made in
memory, written to a file, or made on the workers of a cluster of two processes. Memory
is what a process holds at most beyond mapped files, libraries included; of a cluster,
all pages of all workers, so that two workers begin at twice what the libraries take.
Explained is the share of the variance of 20,000 other rows.
Written from the CSV of the same name by `python -m benchmarks scale`.
"""


def explained(model: Any, n_features: int) -> float:
    """Return the share of the variance of other rows that a model explains."""
    X = SmoothRows(20_000, n_features, seed=1)[:]
    back = model.inverse_transform(model.transform(X))
    return float(1 - ((X - back) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum())


def fitted_in_memory(X: np.ndarray) -> Any:
    """Fit to an array."""
    return AutoencoderTransformer(N_COMPONENTS, random_state=0).fit(X)


def fitted_in_batches(X: Any) -> Any:
    """Fit scikit-learn's IncrementalPCA to one batch after the other."""
    model = IncrementalPCA(N_COMPONENTS)
    for start in range(0, len(X), ROWS_PER_BATCH):
        batch = X[start : start + ROWS_PER_BATCH]
        if len(batch) >= N_COMPONENTS:
            model.partial_fit(batch)
    return model


LOCAL: dict[str, Callable[[Any], Any]] = {
    OURS: fitted_in_memory,
    FILE: fitted_in_memory,
    PCA_: lambda X: PCA(N_COMPONENTS, random_state=0).fit(X),
    INCREMENTAL: fitted_in_batches,
}


def measure_local(method: str, n_rows: int, folder: str, n_features: int) -> Row:
    """Measure a fit in this process."""
    rows = SmoothRows(n_rows, n_features)
    is_stored = method in (FILE, INCREMENTAL)
    X = rows.to_file(Path(folder) / "rows.dat") if is_stored else rows[:]
    found: dict[str, Any] = {}
    LOCAL[method](X[:1000])  # what is loaded at the first call
    with PeakOfMemory() as peak:
        clock = stopwatch(lambda: found.update(model=LOCAL[method](X)))
    share = explained(found["model"], n_features)
    return {**clock, "peak_megabytes": peak.megabytes, "explained": share}


def fit_dask(method: str, X: Any) -> Any:
    """Fit one of the estimators for arrays of Dask."""
    if method == CLUSTER:
        from sklearn_ae.dask import AutoencoderTransformer as Distributed

        return Distributed(N_COMPONENTS, random_state=0).fit(X)
    if method == ML:
        from dask_ml.decomposition import PCA as Tall

        return Tall(N_COMPONENTS, random_state=0).fit(X)
    from dask_ml.wrappers import Incremental

    incremental = Incremental(IncrementalPCA(N_COMPONENTS), scoring=lambda *a: 0.0)
    return incremental.fit(X).estimator_


def measure_cluster(method: str, n_rows: int, n_workers: int) -> Row:
    """Measure a fit on a cluster of processes."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.worker.memory.terminate": False})
    found: dict[str, Any] = {}
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        fit_dask(method, SmoothRows(ROWS_PER_BLOCK, N_FEATURES).to_dask(2**16))
        before = sum(client.run(processor_seconds).values())
        X = SmoothRows(n_rows, N_FEATURES).to_dask(ROWS_PER_BLOCK)
        clock = stopwatch(lambda: found.update(model=fit_dask(method, X)))
        seconds = sum(client.run(processor_seconds).values()) - before
        peak = sum(client.run(resident, "VmHWM").values())
        share = explained(found["model"], N_FEATURES)
        size = len(dumps(found["model"])) / 1e6
    clock["cpu_seconds"] += seconds
    sizes = {"peak_megabytes": peak, "model_megabytes": size}
    return {**clock, **sizes, "explained": share}


def measure_drawn(n_drawn: int, n_rows: int) -> Row:
    """Measure a fit that draws another number of rows."""
    from sklearn_ae._data import summary

    summary.MOST_DRAWN = n_drawn
    rows: Any = SmoothRows(n_rows, N_FEATURES)
    found: dict[str, Any] = {}
    with PeakOfMemory() as peak:
        clock = stopwatch(lambda: found.update(model=fitted_in_memory(rows)))
    share = explained(found["model"], N_FEATURES)
    return {**clock, "peak_megabytes": peak.megabytes, "explained": share}


def powers(least: int, most: int) -> list[int]:
    """List powers of ten."""
    return [10**n for n in range(3, 12) if least <= 10**n <= most]


def growth(options: Namespace) -> Iterator[Row]:
    """Measure all methods on more and more rows."""
    for method, (least, limit) in RANGE.items():
        if options.methods is not None and method not in options.methods:
            continue
        for n_rows in powers(least, min(options.most_rows, limit)):
            row: Row = {"method": method, "rows": n_rows}
            if method in LOCAL:
                with TemporaryDirectory(dir=options.folder) as folder:
                    row |= apart(measure_local, method, n_rows, folder, N_FEATURES)
            else:
                row |= apart(measure_cluster, method, n_rows, CLUSTER_OF_GROWTH)
            yield row


def workers(options: Namespace) -> Iterator[Row]:
    """Measure clusters of more and more processes."""
    n_rows = min(options.most_rows, 10**7)
    for n_workers in WORKERS:
        row = {"method": CLUSTER, "workers": n_workers, "rows": n_rows}
        yield row | apart(measure_cluster, CLUSTER, n_rows, n_workers)


def file(options: Namespace) -> Iterator[Row]:
    """Measure a fit to a file of 50 columns."""
    n_rows = options.most_rows
    row = {"method": FILE, "rows": n_rows, "file_megabytes": n_rows * WIDE * 4 / 1e6}
    with TemporaryDirectory(dir=options.folder) as folder:
        yield row | apart(measure_local, FILE, n_rows, folder, WIDE)


def drawn(options: Namespace) -> Iterator[Row]:
    """Measure fits that draw more and more rows."""
    n_rows = min(options.most_rows, 10**7)
    for n_drawn in (2**k for k in range(13, 21)):
        row = {"method": str(n_drawn), "rows": n_rows}
        yield row | apart(measure_drawn, n_drawn, n_rows)


def stream(options: Namespace) -> Iterator[Row]:
    """Measure streams of rows."""
    for table in streams.tables_of(options):
        for n_components in streams.CODE_SIZES:
            for split in range(1 if options.quick else options.n_splits):
                yield from streams.measure_stream(table, n_components, split)


DRAWN = """\
Rows drawn

Up to 50,000 of them `transform` also takes a step to the nearest codes."""
SECTIONS: dict[str, Callable[[Namespace], Iterator[Row]]] = {
    "growth": growth,
    "workers": workers,
    "file": file,
    "drawn": drawn,
    "stream": stream,
}


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure the sections that the options name."""
    if options.quick:
        options.most_rows = min(options.most_rows, 10**5)
    asked = options.sections or list(SECTIONS)
    check_names("section", asked, list(SECTIONS))
    return (
        {"section": name, **row} for name in asked for row in SECTIONS[name](options)
    )


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    add = parser.add_argument
    add("--sections", type=split_names, metavar="A,B", help="only these sections")
    add("--methods", type=split_names, metavar="A,B", help="only these, of growth")
    add("--tables", type=split_names, metavar="A,B", help="only these, of stream")
    add("--n-splits", type=int, default=1, help="splits of each table of stream")
    add("--most-rows", type=int, default=10**8, help="of growth and file")
    add("--folder", help="where the file is written; default: for temporary files")
    add("--resume", action="store_true", help="keep other sections and methods")


def staying(options: Namespace, rows: pd.DataFrame) -> pd.Series | bool:
    """Tell which rows are kept: with --resume those not asked for."""
    if not options.resume:
        return False
    is_asked = rows["section"].isin(options.sections or list(SECTIONS))
    if options.methods:  # which are those of growth alone
        is_other = rows["section"] != "growth"
        is_asked &= is_other | rows["method"].isin(options.methods)
    return ~is_asked


def by_rows(rows: pd.DataFrame, figure: str) -> pd.DataFrame:
    """Lay out a figure of growth: a line a number of rows, a column a method."""
    found = rows[rows["section"] == "growth"]
    table = found.pivot_table(figure, "rows", "method", sort=False).sort_index()
    table.index = [f"10^{round(np.log10(n))}" for n in table.index]
    known = [method for method in RANGE if method in table]
    return table[known].rename_axis("rows")


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the sections that were measured."""
    known = {*rows["section"]}
    if "growth" in known:
        for title, figure in (
            ("Seconds", "seconds"),
            ("Processor seconds", "cpu_seconds"),
            ("Peak memory, megabytes", "peak_megabytes"),
            ("Explained", "explained"),
        ):
            shown = markdown(by_rows(rows, figure), whole)
            if figure == "explained":
                shown = markdown(by_rows(rows, figure))
            yield f"## {title}\n\n{shown}"
    columns = ["seconds", "cpu_seconds", "peak_megabytes", "explained"]
    for section, key, title in (
        ("workers", "workers", "More workers on two cores"),
        ("file", "file_megabytes", "A file that memory does not hold, 50 columns"),
        ("drawn", "method", DRAWN),
    ):
        if section in known:
            found = rows[rows["section"] == section].astype({key: int})
            shown = markdown(found.set_index(key)[columns], whole)
            yield f"## {title}\n\n{shown}"
    yield from cost_sections(rows)
    if "stream" in known:
        found = streams.gaps(rows[rows["section"] == "stream"])
        text = f"{streams.N_BATCHES} batches, by what one fit loses of held-out rows"
        yield f"## Streams\n\n{text}\n\n{markdown(found)}"


def cost_sections(rows: pd.DataFrame) -> Iterator[str]:
    """Show what a cluster would cost, if it was measured."""
    ours = rows[rows["method"] == CLUSTER]
    growth = ours[ours["section"] == "growth"].set_index("rows")["seconds"]
    sizes = ours["model_megabytes"].dropna()
    if len(growth) < 2 or sizes.empty:
        return
    given = growth, CLUSTER_OF_GROWTH
    size = float(sizes.median())
    yield f"## What a cluster costs\n\n{cost_model.text(*given, size)}"
    yield markdown(cost_model.check(*given), whole)
    yield markdown(cost_model.costs(*given, size), whole)


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    promised = []
    found = rows[rows["section"] == "growth"].set_index(["method", "rows"])
    for method in (FILE, CLUSTER):
        if (method, 10**8) not in found.index or (OURS, 10**6) not in found.index:
            continue
        gap = found["explained"][OURS, 10**6] - found["explained"][method, 10**8]
        text = f"10^8 rows ({method}) explained as 10^6 in memory, less {{:g}} at most"
        promised.append(at_most(text, float(gap), 0.005))
        per_row = found["cpu_seconds"][method] / found["cpu_seconds"][method].index
        ratio = max(b / a for a, b in pairwise(per_row.sort_index()))
        text = (
            f"seconds per row ({method}) grow by at most {{:g}} with ten times as many"
        )
        promised.append(at_most(text, float(ratio), 1.1))
    if {(OURS, 10**6), (OURS, 10**7)} <= set(found.index):
        seconds = found["cpu_seconds"][OURS]
        text = "10^7 rows in memory take at most {:g} times the CPU seconds of 10^6"
        promised.append(at_most(text, seconds[10**7] / seconds[10**6], 1.5))
    for peak in rows[rows["section"] == "file"]["peak_megabytes"]:
        text = "the file is fitted to in at most {:g} megabytes"
        promised.append(at_most(text, float(peak), LIMIT_MEGABYTES))
    streamed = rows[rows["section"] == "stream"]
    if len(streamed):
        ratios = streams.gaps(streamed)[f"{streams.STREAM} / {streams.ONE}"]
        mean = float(np.exp(np.log(ratios).mean()))
        text = "a stream loses at most {:g} times what one fit does (geometric mean)"
        promised.append(at_most(text, mean, 1.1))
    return promised


def picture(rows: pd.DataFrame) -> Figure:
    """Draw seconds and memory against rows."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    titles = {"seconds": "seconds", "peak_megabytes": "peak memory, MB"}
    for ax, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        found = rows[rows["section"] == "growth"]
        for method in RANGE:
            line = found[found["method"] == method].sort_values("rows")
            if len(line):
                is_ours = method in (OURS, FILE, CLUSTER)
                style = {"marker": "o", "markersize": 3.5, "linewidth": 1.4}
                dashes = "-" if is_ours else "--"
                ours = f"autoencoder, {method}" if is_ours else method
                ax.loglog(line["rows"], line[name], dashes, label=ours, **style)
        ax.set(xlabel="rows of 20 columns", title=title)
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[1].set_yticks([300, 1000, 3000], ["300", "1,000", "3,000"])
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8, frameon=False)
    return figure


def draw(rows: pd.DataFrame, stem: Path) -> None:
    """Write the picture."""
    if (rows["section"] == "growth").any():
        picture(rows).savefig(stem.with_suffix(".png"), dpi=150)


SUITE = Suite(
    intro=INTRO,
    columns=(
        "section", "method", "rows", "workers", "file_megabytes", "table",
        "n_components", "split", "seconds", "cpu_seconds", "peak_megabytes",
        "model_megabytes", "explained",
    ),
    measure=measure,
    report=report,
    promises=promises,
    add_options=add_options,
    staying=staying,
    draw=draw,
)  # fmt: skip
