"""What an epoch costs on a GPU, where there is one."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.speed.epochs import LOOP, OURS, Race, n_epochs
from benchmarks.speed.timing import Measurement, Sizes, Work, alternate, shape_name

SECTION, WAITS_SECTION = "gpu", "gpu waits"
BATCH_SIZES = (128, 4096)


def _to_the_end(prepare: Callable[[], Work], device: str) -> Work:
    """Return work that includes what the device has still to do."""
    work = prepare()
    synchronize = getattr(torch, torch.device(device).type).synchronize
    synchronize()

    def until_done() -> None:
        work()
        synchronize()

    return until_done


def times(sizes: Sizes, device: str) -> Iterator[Measurement]:
    """Time epochs of ours and of the loop, in small and in large batches."""
    for batch_size in BATCH_SIZES:
        for n_rows in sizes.epoch_rows:
            length = n_epochs(n_rows, sizes.n_steps, batch_size)
            race = Race(n_rows, length, device, batch_size)
            methods = {
                LOOP: partial(_to_the_end, race.loop, device),
                OURS: partial(_to_the_end, race.ours, device),
            }
            case = f"{shape_name(n_rows)}, batches of {batch_size}"
            yield from alternate(SECTION, case, methods, sizes.repeats)


def n_waits(work: Work) -> int:
    """Count how often the processor waits for the GPU."""
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    return sum("synchronizing" in str(warning.message) for warning in found)


def waits(sizes: Sizes) -> Iterator[Measurement]:
    """Count the waits in an epoch of few and of many batches."""
    for n_rows in sizes.epoch_rows:
        race = Race(n_rows, 1, "cuda")
        value = n_waits(race.ours())
        yield Measurement(WAITS_SECTION, shape_name(n_rows), OURS, 0, "waits", value)


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Measure on the GPU; nothing where there is none, which the report says."""
    if torch.cuda.is_available():
        yield from times(sizes, "cuda")
        yield from waits(sizes)
