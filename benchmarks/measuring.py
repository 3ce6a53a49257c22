"""Fit a method to a split of a table: time, memory, and scores on held-out rows."""

import ctypes
import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.datasets import Table
from benchmarks.methods import Builder

HELD_OUT = 0.25
SECONDS, CPU_SECONDS = "seconds", "cpu_seconds"
FIT_COLUMNS = ("fit_seconds", CPU_SECONDS, "peak_megabytes")
Work = Callable[[], object]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# proc(5): writing 5 sets the peak resident set size to the present one.
_RESET_PEAK = "5"


@dataclass(frozen=True)
class Split:
    """A standardised table, split; all methods of a cell see the same."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def split_table(table: Table, split: int, held_out: float = HELD_OUT) -> Split:
    """Shuffle, hold a share of the rows out, standardise by the others.

    In double precision, as a user's columns are behind `StandardScaler`; a method that
    works in single precision converts them itself.
    """
    X, X_test, y, y_test = train_test_split(
        table.X.astype(np.float64), table.y, test_size=held_out, random_state=split
    )
    scaler = StandardScaler().fit(X)
    return Split(scaler.transform(X), y, scaler.transform(X_test), y_test)


def lost_share(scaled: np.ndarray, reconstruction: np.ndarray) -> float:
    """Divide squared errors by squared distances from a training mean of zero."""
    return float(np.sum((scaled - reconstruction) ** 2) / np.sum(scaled**2))


def lost_by(model: Any, X: np.ndarray) -> float:
    """Return the fraction of variance that a fitted model loses of scaled rows."""
    return lost_share(X, model.inverse_transform(model.transform(X)))


def stopwatch(work: Work) -> dict[str, float]:
    """Take the seconds of the clock, and those that processors spent on the work."""
    wall, cpu = time.perf_counter(), processor_seconds()
    work()
    return {
        SECONDS: time.perf_counter() - wall,
        CPU_SECONDS: processor_seconds() - cpu,
    }


def processor_seconds() -> float:
    """Sum up the seconds of this process, and those of its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def timed_fit(model: Any, *arrays: np.ndarray) -> dict[str, float]:
    """Fit a model; return seconds and peak memory, under the names of `FIT_COLUMNS`."""
    with PeakMemory() as memory:
        times = stopwatch(lambda: model.fit(*arrays))
    values = (times[SECONDS], times[CPU_SECONDS], memory.megabytes)
    return dict(zip(FIT_COLUMNS, values, strict=True))


@cache
def warm_up(build: Builder) -> None:
    """Fit a method once to a tiny table, so that no fit pays for loading libraries."""
    build(2, 0).fit(np.random.default_rng(0).standard_normal((64, 8)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Give all methods one thread: with more, times depend on what else runs."""
    count = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(count)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so many processor seconds of this process.

    In the main thread alone, and on systems that have such a timer; a call into a
    library is not interrupted, the error comes when it returns.
    """
    in_main_thread = current_thread() is main_thread()
    if not (in_main_thread and hasattr(signal, "setitimer")):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"stopped after {seconds:g} processor seconds")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class PeakMemory:
    """Measure by how much the resident set of this process grows at most.

    The kernel keeps the peak itself (`VmHWM`), so that nothing between two samples is
    missed, and it counts every page of the process: NumPy's, BLAS's and torch's alike.
    The peak is reset on entry, after freed memory has gone back to the system. Child
    processes are not counted. On systems other than Linux the result is NaN.

    Attributes
    ----------
    megabytes : float
        Peak resident set inside the block minus the resident set at its start, in units
        of 10^6 bytes.
    """

    megabytes = float("nan")

    def __enter__(self) -> "PeakMemory":
        # A whole collection would take longer than most fits.
        gc.collect(1)
        # Not every C library has it; the peak is then seen from a higher start.
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
        with suppress(OSError):
            _CLEAR.write_text(_RESET_PEAK)
            self._before = resident("VmRSS")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if hasattr(self, "_before"):
            # The kernel updates its counts in steps, so that "nothing" can be below 0.
            self.megabytes = max(0.0, resident("VmHWM") - self._before)


class PeakOfMemory:
    """Watches what this process holds beyond mapped files."""

    megabytes = 0.0

    def __enter__(self) -> "PeakOfMemory":
        self._done = Event()
        self.megabytes = resident("RssAnon")
        self._watcher = Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.megabytes = max(self.megabytes, resident("RssAnon"))

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._watcher.join()


def peak_resident() -> float:
    """Return the largest resident set of this process so far, in 10^6 bytes."""
    return resident("VmHWM") if _STATUS.is_file() else float("nan")


def resident(key: str) -> float:
    """Read a resident set size, in units of 10^6 bytes."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")
