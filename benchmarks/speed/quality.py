"""Seconds until the held-out FVU is as good as another method's best.

The plain loop and ours are looked at after each epoch, other packages at their end.
"""

from collections.abc import Iterable, Iterator, Mapping
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
    """Fit another method with its defaults; seconds are those of the fit."""
    model = COMPRESSORS[method](n_components, seed)
    figures = stopwatch(lambda: model.fit(split.X))
    return {**figures, FVU: held_out_fvu(model, split)}


class Course:
    """Callback of scikit-learn: held-out FVU after each epoch of a fit."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.fvus: list[float] = []

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Let an epoch begin."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Score what the fit would be if it ended with this epoch."""
        if context.task_name == "epoch":
            self.fvus.append(held_out_fvu(fitted_estimator, self.split))

    def teardown(self, estimator: Any, context: Any) -> None:
        """End."""


def our_fit(
    n_components: int, split: Split, seed: int, targets: Mapping[str, float]
) -> dict[str, float]:
    """Fit ours with its defaults, and find when it was as good as each target.

    One fit is timed. Another, which computes the same, is scored after each epoch. The
    seconds until an epoch are those of the whole fit, the last steps included, without
    the epochs that follow; infinite where a target is not reached.
    """
    timed, watched = (COMPRESSORS[OURS](n_components, seed) for _ in range(2))
    for model in (timed, watched):
        model.set_params(device="cpu")  # where all others compute
    figures = stopwatch(lambda: timed.fit(split.X))
    course = Course(split)
    watched.set_callbacks(course).fit(split.X)
    figures[FVU] = held_out_fvu(timed, split)
    fvus = [*course.fvus[:-1], figures[FVU]]
    epochs = timed.net_.history[:, "dur"] if course.fvus else [0.0]
    for name, target in targets.items():
        reached = [fvu <= target for fvu in fvus]
        share = float("inf")
        if any(reached):
            saved = sum(epochs[reached.index(True) + 1 :])
            share = 1.0 - saved / figures[SECONDS]
        for seconds in (SECONDS, CPU_SECONDS):
            figures[until(name, seconds)] = share * figures[seconds]
    return figures


def until(other: str, seconds: str = CPU_SECONDS) -> str:
    """Name the seconds until ours is as good as another method."""
    return f"{seconds} until as good as {other}"


def methods(repeat: int) -> list[str]:
    """List what is measured in a repeat: others, which take long, in the first only.

    Ours comes last, when all targets are known.
    """
    others = [name for name in OTHERS if is_installed(name)]
    return [LOOP, *(others if repeat == 0 else []), OURS]


def _figures(
    method: str, table: Table, split: Split, seed: int, targets: Mapping[str, float]
) -> dict[str, float]:
    """Measure one method."""
    if method == LOOP:
        return best_of_loop(code_size(table), split, seed)
    warm_up(COMPRESSORS[method])
    if method == OURS:
        return our_fit(code_size(table), split, seed, targets)
    return whole_fit(method, code_size(table), split, seed)


def measure(sizes: Sizes, tables: Iterable[Table]) -> Iterator[Measurement]:
    """Measure each method on each table, each repeat on a split of its own."""
    for table in tables:
        case = f"{table.name} k={code_size(table)}"
        for repeat in range(sizes.fit_repeats):
            split = split_table(table, repeat)
            targets: dict[str, float] = {}
            for method in methods(repeat):
                error, figures = "", dict.fromkeys(QUANTITIES, float("nan"))
                with one_thread():
                    try:
                        figures = _figures(method, table, split, repeat, targets)
                    except Exception as failure:
                        error = f"{type(failure).__name__}: {failure}"[:200]
                    else:
                        targets[method] = figures[FVU]
                for name, value in figures.items():
                    yield Measurement(SECTION, case, method, repeat, name, value, error)
