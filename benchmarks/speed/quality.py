"""Seconds until the held-out FVU is as good as another method's best."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from benchmarks.baselines import N_EPOCHS, PlainAutoencoder
from benchmarks.cells import Split, split_table, warm_up
from benchmarks.datasets import Table
from benchmarks.folds import lost_share
from benchmarks.methods import COMPRESSORS, is_installed
from benchmarks.speed.timing import (
    CPU_SECONDS,
    SECONDS,
    Measurement,
    Sizes,
    one_thread,
    stopwatch,
)

SECTION = "quality"
OURS, LOOP = "autoencoder", "plain"
OTHERS = ("MLPRegressor", "dimkit", "encdr")
FVU = "held_out_fvu"
QUANTITIES = (SECONDS, CPU_SECONDS, FVU)
PATIENCE = 20  # epochs without a better held-out FVU that end the plain loop
CODE_SIZES = {"appliances": 5, "communities": 20, "isolet": 20, "satimage": 7}
CODE_SIZE = 10  # of every other table


def code_size(table: Table) -> int:
    """Return the number of codes for a table."""
    return min(CODE_SIZES.get(table.name, CODE_SIZE), table.X.shape[1] - 1)


def held_out_fvu(model: Any, split: Split) -> float:
    """Score a fitted method on the held-out rows."""
    reconstruction = model.inverse_transform(model.transform(split.X_test))
    return lost_share(split.X_test, reconstruction)


def best_of_loop(n_components: int, split: Split, seed: int) -> dict[str, float]:
    """Train the plain loop while it improves; seconds are those up to its best.

    It is scored on the held-out rows after each epoch, which the clock leaves out, as
    it does the epochs after the best.
    """
    model = PlainAutoencoder(n_components, seed)
    epochs = model.epochs(split.X)
    best = {FVU: float("inf")}
    spent = dict.fromkeys((SECONDS, CPU_SECONDS), 0.0)
    misses = 0
    for _ in range(N_EPOCHS):
        for name, value in stopwatch(partial(next, epochs)).items():
            spent[name] += value
        fvu = held_out_fvu(model, split)
        misses += 1
        if fvu < best[FVU]:
            best, misses = {FVU: fvu, **spent}, 0
        if misses == PATIENCE:
            break
    return best


def whole_fit(
    method: str, n_components: int, split: Split, seed: int
) -> dict[str, float]:
    """Fit a method with its default parameters; seconds are those of the fit."""
    model = COMPRESSORS[method](n_components, seed)
    if method == OURS:
        model.set_params(device="cpu")  # where all others compute
    figures = stopwatch(lambda: model.fit(split.X))
    return {**figures, FVU: held_out_fvu(model, split)}


def methods(repeat: int) -> list[str]:
    """List what is measured in a repeat: others, which take long, in the first only."""
    others = [name for name in OTHERS if is_installed(name)]
    return [LOOP, OURS, *(others if repeat == 0 else [])]


def _figures(method: str, table: Table, split: Split, seed: int) -> dict[str, float]:
    """Measure one method."""
    if method == LOOP:
        return best_of_loop(code_size(table), split, seed)
    warm_up(COMPRESSORS[method])
    return whole_fit(method, code_size(table), split, seed)


def measure(sizes: Sizes, tables: Iterable[Table]) -> Iterator[Measurement]:
    """Measure each method on each table, each repeat on a split of its own."""
    for table in tables:
        case = f"{table.name} k={code_size(table)}"
        for repeat in range(sizes.fit_repeats):
            split = split_table(table, repeat)
            for method in methods(repeat):
                error, figures = "", dict.fromkeys(QUANTITIES, float("nan"))
                with one_thread():
                    try:
                        figures = _figures(method, table, split, repeat)
                    except Exception as failure:
                        error = f"{type(failure).__name__}: {failure}"[:200]
                for name, value in figures.items():
                    yield Measurement(SECTION, case, method, repeat, name, value, error)
