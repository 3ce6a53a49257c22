"""Fits beside other fits, and beside other work on the machine."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.model_selection import KFold, cross_val_score

from benchmarks.measuring import Work, one_thread
from benchmarks.speed.timing import Measurement, Sizes, alternate, make_rows
from sklearn_ae import AutoencoderTransformer

SECTION, BUSY_SECTION, THREADS_SECTION = "jobs", "busy core", "thread count"
SERIAL, PARALLEL = "one job", "two jobs"
ALONE, BUSY = "one thread, alone", "as it comes, other cores busy"
BEFORE, AFTER = "before", "after"
OURS, CONTROL = "autoencoder", "what the machine allows"
N_COMPONENTS = 10
N_FOLDS = 4
CONTROL_CALLS = (
    20_000  # of tanh on a block in the processor's cache, in each of 4 tasks
)
WAIT = 0.2  # seconds until the other processes are up


def build(max_iter: int | str) -> AutoencoderTransformer:
    """Build the estimator with default parameters, on the CPU."""
    return AutoencoderTransformer(
        N_COMPONENTS, max_iter=max_iter, device="cpu", random_state=0
    )


def spin(n_calls: int) -> None:
    """Compute on one core without memory, lock or library that others could hold."""
    block = np.linspace(-1, 1, 4096)
    for _ in range(n_calls):
        np.tanh(block)


def _spin_apart(n_calls: int, n_jobs: int) -> None:
    """Compute as many tasks as there are folds, so many at a time."""
    Parallel(n_jobs)(delayed(spin)(n_calls) for _ in range(N_FOLDS))


def jobs(sizes: Sizes) -> Iterator[Measurement]:
    """Time cross-validation, and other work, with one and with two jobs.

    The processes of joblib are up by then: the round before the first counts for
    nothing, and joblib keeps them.
    """
    X = make_rows(sizes.side_by_side_rows)
    estimator, folds = build(sizes.max_iter), KFold(N_FOLDS)

    def validate(n_jobs: int) -> Work:
        return lambda: cross_val_score(estimator, X, cv=folds, n_jobs=n_jobs)

    def control(n_jobs: int) -> Work:
        calls = CONTROL_CALLS * sizes.side_by_side_rows // Sizes.side_by_side_rows
        return partial(_spin_apart, calls, n_jobs)

    for case, prepare in ((OURS, validate), (CONTROL, control)):
        methods = {SERIAL: partial(prepare, 1), PARALLEL: partial(prepare, 2)}
        yield from alternate(SECTION, case, methods, sizes.fit_repeats)


def _alone(work: Work) -> Work:
    """Run work with one thread."""

    def limited() -> None:
        with one_thread():
            work()

    return limited


def _beside_others(work: Work) -> Work:
    """Run work while processes of their own keep all cores but one busy."""
    loop = [sys.executable, "-S", "-c", "while True: pass"]
    others = [subprocess.Popen(loop) for _ in range(max(1, (os.cpu_count() or 2) - 1))]
    time.sleep(WAIT)

    def beside() -> None:
        try:
            work()
        finally:
            for other in others:
                other.kill()
                other.wait()

    return beside


def busy_core(sizes: Sizes) -> Iterator[Measurement]:
    """Time a fit, and other work, alone and beside others."""
    X = make_rows(sizes.side_by_side_rows)
    calls = CONTROL_CALLS * sizes.side_by_side_rows // Sizes.side_by_side_rows
    works: dict[str, Work] = {
        OURS: lambda: build(sizes.max_iter).fit(X),
        CONTROL: partial(spin, calls),
    }
    for case, work in works.items():
        methods: dict[str, Callable[[], Work]] = {
            ALONE: partial(_alone, work),
            BUSY: partial(_beside_others, work),
        }
        yield from alternate(BUSY_SECTION, case, methods, sizes.fit_repeats)


def thread_count(sizes: Sizes) -> Iterator[Measurement]:
    """Note the caller's number of threads before and after a fit."""
    X = make_rows(200)
    count = torch.get_num_threads()
    for asked in (1, 2):
        torch.set_num_threads(asked)
        build(1).fit(X)
        for method, value in ((BEFORE, asked), (AFTER, torch.get_num_threads())):
            case = f"{asked} thread(s)"
            yield Measurement(THREADS_SECTION, case, method, 0, "threads", value)
    torch.set_num_threads(count)


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Measure with the caller's number of threads: nothing is set for the fits."""
    yield from jobs(sizes)
    yield from busy_core(sizes)
    yield from thread_count(sizes)
