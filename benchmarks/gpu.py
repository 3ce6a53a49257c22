"""Fits on a GPU: tensors that stay there, beside PCA, and ways to take steps sooner."""

import json
import os
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch
from sklearn import config_context
from sklearn.decomposition import PCA
from torch.profiler import ProfilerActivity, profile

from benchmarks.datasets import load_images
from benchmarks.internals import CorrectedPCA, Net
from benchmarks.measuring import SECONDS, Work
from benchmarks.records import Row
from benchmarks.reports import Promise, at_most, markdown, three_digits
from benchmarks.smooth_rows import SmoothRows
from benchmarks.suite import Suite
from sklearn_ae import AutoencoderTransformer

N_COMPONENTS = 10
REPEATS = 2
N_TEST = 10_000
VARIANT_ROWS, VARIANT_EPOCHS = 50_000, 10
PROFILED_ROWS = 100_000
MOST_COPIED = 200.0  # bytes a row
BATCH_SIZES = (192, 4096)
FIT, STEPS, PROFILE = "fit", "steps", "profile"
EXPLAINED, COPIED = "explained", "copied"
OURS, FROM_ARRAYS, ON_PROCESSOR = (
    "autoencoder, tensors",
    "autoencoder, arrays",
    "autoencoder, processor",
)
PCA_TENSORS, LOW_RANK = "PCA, tensors", "torch.pca_lowrank"
PLAIN, BFLOAT16, COMPILED = "as it is", "bfloat16", "compiled"

INTRO = """\
# On a GPU

Rows that are tensors there, 10 codes. Seconds of a fit and of `transform` of all its
rows, in alternation, and the share of the variance of other rows that is explained.
Beside it scikit-learn's PCA of tensors (`covariance_eigh`) and `torch.pca_lowrank`.
Then ways to take steps sooner (autocast to bfloat16, `torch.compile`), by the size of
batches; the first fit of what is compiled compiles it. "Copied" is how many bytes a row
a fit copies back to the processor, such as losses, beside the bytes of a row. Written
from the CSV of the same name by `SCIPY_ARRAY_API=1 python -m benchmarks gpu`.
"""

Table = tuple[str, torch.Tensor, torch.Tensor]  # name, rows, rows to test on


def tables(options: Namespace) -> list[Table]:
    """Return smooth rows and Fashion-MNIST on the GPU."""
    n_rows, most = (20_000, 4000) if options.quick else (1_000_000, None)
    smooth = SmoothRows(n_rows + N_TEST, 100)[:]
    images = load_images(options.data, "fashion-mnist")
    found = [("smooth rows", smooth[:n_rows], smooth[n_rows:])]
    found.append((images.name, images.train[:most], images.test[:most]))
    return [
        (
            f"{name}, {len(X):,} x {X.shape[1]}",
            torch.tensor(X).cuda(),
            torch.tensor(X_test).cuda(),
        )
        for name, X, X_test in found
    ]


def low_rank(X: torch.Tensor) -> Any:
    """Return the map to reconstructions of torch's randomised PCA."""
    mean = X.mean(0)
    _, _, axes = torch.pca_lowrank(X - mean, N_COMPONENTS, center=False)
    return lambda rows: (rows - mean) @ axes @ axes.T + mean


def share(model: Any, X: torch.Tensor, X_test: torch.Tensor) -> float:
    """Return the share of the variance of other rows that is explained."""
    if callable(model):
        found = model(X_test)
    else:
        like_fit = isinstance(model.mean_, torch.Tensor)
        rows = X_test if like_fit else X_test.cpu().numpy()
        found = torch.as_tensor(model.inverse_transform(model.transform(rows)))
    lost = (X_test - found.to(X.device)).double().square().sum()
    return 1 - float(lost / (X_test - X.mean(0)).double().square().sum())


def seconds_of(work: Work) -> float:
    """Time work to its end on the GPU."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def fits(table: Table, repeats: int) -> Iterator[Row]:
    """Fit all methods in alternation; on the processor once."""
    name, X, X_test = table
    arrays = X.cpu().numpy()
    build = partial(AutoencoderTransformer, N_COMPONENTS, random_state=0)
    methods: dict[str, tuple[Callable[[], Any], Any]] = {
        OURS: (build, X),
        FROM_ARRAYS: (build, arrays),
        PCA_TENSORS: (partial(PCA, N_COMPONENTS, svd_solver="covariance_eigh"), X),
        LOW_RANK: (lambda: None, X),
        ON_PROCESSOR: (partial(build, device="cpu"), arrays),
    }
    for repeat in range(repeats):
        for method, (make, rows) in methods.items():
            if method == ON_PROCESSOR and repeat > 0:
                continue
            yield {
                "table": name,
                "method": method,
                "case": FIT,
                "repeat": repeat,
                **fitted(make(), rows, X, X_test),
            }


def fitted(model: Any, rows: Any, X: torch.Tensor, X_test: torch.Tensor) -> Row:
    """Fit a model, or torch's PCA for None; time it, and what maps all rows."""
    if model is None:
        found: list[Any] = []
        seconds = seconds_of(lambda: found.append(low_rank(X)))
        return {SECONDS: seconds, EXPLAINED: share(found[0], X, X_test)}
    seconds = seconds_of(lambda: model.fit(rows))
    mapped = seconds_of(lambda: model.transform(rows))
    explained = share(model, X, X_test)
    return {SECONDS: seconds, "transform": mapped, EXPLAINED: explained}


def variants() -> dict[str, Callable[[], AbstractContextManager[Any]]]:
    """Return what takes steps in another way, for a while."""
    compiled = torch.compile(CorrectedPCA.forward, dynamic=True)
    infer = Net.infer

    def autocast(net: Net, x: Any, **params: Any) -> Any:
        with torch.autocast("cuda", torch.bfloat16):
            found, code = infer(net, x, **params)
        return found.float(), code.float()

    return {
        PLAIN: nullcontext,
        BFLOAT16: lambda: patch.object(Net, "infer", autocast),
        COMPILED: lambda: patch.object(CorrectedPCA, "forward", compiled),
    }


def steps(table: Table, batch_sizes: tuple[int, ...]) -> Iterator[Row]:
    """Time fits of a fixed length; the first of each kind is told apart."""
    name, X, X_test = table
    X = X[:VARIANT_ROWS]
    ways = variants()
    for batch_size in batch_sizes:
        for repeat in range(REPEATS):
            for method, switch in ways.items():
                model = AutoencoderTransformer(
                    N_COMPONENTS,
                    max_iter=VARIANT_EPOCHS,
                    cv=None,
                    batch_size=batch_size,
                    random_state=0,
                )
                with switch():
                    seconds = seconds_of(partial(model.fit, X))
                yield {
                    "table": f"{name}, batches of {batch_size}",
                    "method": method,
                    "case": STEPS,
                    "repeat": repeat,
                    SECONDS: seconds,
                    EXPLAINED: share(model, X, X_test),
                }


def copied_to_host(work: Work) -> int:
    """Return how many bytes some work copies from the GPU to the processor."""
    both = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
    with profile(activities=both, acc_events=True) as found:
        work()
        torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        found.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    copies = [event for event in events if event.get("cat") == "gpu_memcpy"]
    return sum(event["args"]["bytes"] for event in copies if "DtoH" in event["name"])


def profiled(table: Table) -> Row:
    """Tell how many bytes a row a fit to some rows copies to the processor."""
    name, X, _ = table
    X = X[:PROFILED_ROWS]
    model = AutoencoderTransformer(N_COMPONENTS, max_iter=1, random_state=0)
    n_bytes = copied_to_host(lambda: model.fit(X))
    return {
        "table": name,
        "method": OURS,
        "case": PROFILE,
        COPIED: n_bytes / len(X),
        "row": X.shape[1] * X.element_size(),
    }


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Measure all parts, where there is a GPU and scikit-learn dispatches to it."""
    if not torch.cuda.is_available() or os.environ.get("SCIPY_ARRAY_API") != "1":
        raise ValueError("A GPU and SCIPY_ARRAY_API=1 are needed.")

    def rows() -> Iterator[Row]:
        with config_context(array_api_dispatch=True):
            listed = tables(options)
            AutoencoderTransformer(max_iter=2).fit(listed[0][1][:20_000])  # warms up
            for table in listed:
                if PROFILE in options.cases:
                    yield profiled(table)
                if FIT in options.cases:
                    yield from fits(table, 1 if options.quick else REPEATS)
            if STEPS in options.cases:
                sizes = BATCH_SIZES[:1] if options.quick else BATCH_SIZES
                yield from steps(listed[0], sizes)

    device = torch.cuda.get_device_name()
    return ({**row, "device": device} for row in rows())


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    text, cases = "only these; rows of others stay", (PROFILE, FIT, STEPS)
    parser.add_argument("--cases", nargs="+", choices=cases, default=cases, help=text)


def staying(options: Namespace, rows: pd.DataFrame) -> pd.Series:
    """Keep the rows of other cases."""
    return ~rows["case"].isin(options.cases)


def summary(rows: pd.DataFrame, case: str) -> pd.DataFrame:
    """Return medians by table and method, and those of the first repeats."""
    found = rows[rows["case"] == case]
    groups = found.groupby(["table", "method"], sort=False)
    shown = groups[[SECONDS, "transform", EXPLAINED]].median()
    shown.insert(1, "spread", groups[SECONDS].max() - groups[SECONDS].min())
    shown.insert(0, "first", groups[SECONDS].first())
    return shown.dropna(axis="columns", how="all")


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show the tables."""
    for case, title in ((FIT, "Fits"), (STEPS, "Steps")):
        shown = summary(rows, case)
        if len(shown):
            yield f"## {title}\n\n{markdown(shown.map(three_digits))}"
    copies = rows[rows["case"] == PROFILE].set_index("table")[[COPIED, "row"]]
    yield f"## Copied\n\n{markdown(copies.map(three_digits))}"


def notes(rows: pd.DataFrame) -> list[str]:
    """Name the GPU."""
    return [f"GPU: {name}" for name in rows["device"].unique()]


def promises(rows: pd.DataFrame) -> list[Promise]:
    """Compare with what was promised."""
    copied = float(rows[rows["case"] == PROFILE][COPIED].max())
    text = "a fit copies at most {:g} bytes a row to the processor"
    return [at_most(text, copied, MOST_COPIED, f" ({copied:.0f})")]


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "case", "repeat", SECONDS, "transform", EXPLAINED,
             COPIED, "row", "device"),
    measure=measure,
    add_options=add_options,
    staying=staying,
    report=report,
    promises=promises,
    notes=notes,
)  # fmt: skip
