"""What an epoch costs beyond the arithmetic: against a loop by hand; also on a GPU."""

import math
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from benchmarks.internals import Training
from benchmarks.measuring import Work, one_thread
from benchmarks.speed.timing import (
    Measurement,
    Sizes,
    alternate,
    make_rows,
    shape_name,
)
from sklearn_ae import AutoencoderTransformer

SECTION, GPU_SECTION, WAITS_SECTION = "epochs", "gpu", "gpu waits"
OURS, VALIDATING = "autoencoder", "autoencoder, validating"
LOOP, SKORCH, SKORCH_FUSED = "loop", "skorch", "skorch, fused"

HIDDEN_LAYERS = (128, 64)
N_COMPONENTS = 10
BATCH_SIZE = 128
GPU_BATCH_SIZES = (128, 4096)
HELD_OUT = 0.1  # of the rows, where the training validates


class LossOfRows(nn.Module):
    """The same loss, of the bare rows that skorch's own loader gives."""

    def __init__(self, criterion: nn.Module) -> None:
        super().__init__()
        self.criterion = criterion

    def forward(self, output: tuple[Tensor, Tensor], rows: Tensor) -> Tensor:
        """Map the module's output and the rows to a scalar."""
        loss: Tensor = self.criterion(output, (rows,))
        return loss


class Race:
    """The same network, rows, batch size and loss, trained by different loops.

    Each method is prepared by a call of its own, which returns what is to be timed.

    Parameters
    ----------
    n_rows, n_epochs : int
        What each loop trains on, and for how long.
    """

    def __init__(
        self,
        n_rows: int,
        n_epochs: int,
        device: str = "cpu",
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.n_epochs, self.device, self.batch_size = n_epochs, device, batch_size
        self.estimator = AutoencoderTransformer(
            N_COMPONENTS,
            hidden_layer_sizes=HIDDEN_LAYERS,
            batch_size=batch_size,
            n_iter_no_change=n_epochs,
            device=device,
        )
        X = make_rows(n_rows + math.ceil(HELD_OUT * n_rows))
        self.training = Training(self.estimator, X, n_rows)
        self.x = self.training.x

    def ours(self, validating: bool = False) -> Work:
        """Train as `fit` does, with or without a tenth more rows that pick weights."""
        module, criterion = self.training.untrained()
        return self.training.epochs(module, criterion, self.n_epochs, validating)

    def loop(self) -> Work:
        """Train with nothing but PyTorch, and the fused optimiser."""
        module, criterion = self.training.untrained()
        rate = self.estimator.learning_rate_init
        optimizer = torch.optim.AdamW(module.parameters(), lr=rate, fused=True)

        def work() -> None:
            for _ in range(self.n_epochs):
                order = torch.randperm(len(self.x), device=self.device)
                for index in order.split(self.batch_size):
                    batch = self.x[index]
                    optimizer.zero_grad()
                    criterion(module(batch), (batch,)).backward()
                    optimizer.step()

        return work

    def skorch(self, fused: bool = False) -> Work:
        """Train with skorch's own loop and loader."""
        module, criterion = self.training.untrained()
        net = NeuralNet(
            module,
            criterion=LossOfRows(criterion),
            optimizer=torch.optim.AdamW,
            optimizer__fused=fused or None,
            lr=self.estimator.learning_rate_init,
            batch_size=self.batch_size,
            iterator_train__shuffle=True,
            train_split=None,
            max_epochs=self.n_epochs,
            device=self.device,
            verbose=0,
        ).initialize()
        rows = self.x.numpy(force=True)
        return partial(net.partial_fit, rows, rows)


def n_epochs(n_rows: int, n_steps: int, batch_size: int = BATCH_SIZE) -> int:
    """Return the epochs that take about so many steps."""
    return max(1, round(n_steps / math.ceil(n_rows / batch_size)))


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Time each loop with one thread on tables of each size."""
    with one_thread():
        for n_rows in sizes.epoch_rows:
            race = Race(n_rows, n_epochs(n_rows, sizes.n_steps))
            methods: dict[str, Callable[[], Work]] = {
                LOOP: race.loop,
                OURS: race.ours,
                VALIDATING: partial(race.ours, validating=True),
                SKORCH: race.skorch,
                SKORCH_FUSED: partial(race.skorch, fused=True),
            }
            yield from alternate(SECTION, shape_name(n_rows), methods, sizes.repeats)


def _to_the_end(prepare: Callable[[], Work], device: str) -> Work:
    """Return work that includes what the device has still to do."""
    work = prepare()
    synchronize = getattr(torch, torch.device(device).type).synchronize
    synchronize()

    def until_done() -> None:
        work()
        synchronize()

    return until_done


def gpu_times(sizes: Sizes, device: str) -> Iterator[Measurement]:
    """Time epochs of ours and of the loop, in small and in large batches."""
    for batch_size in GPU_BATCH_SIZES:
        for n_rows in sizes.epoch_rows:
            length = n_epochs(n_rows, sizes.n_steps, batch_size)
            race = Race(n_rows, length, device, batch_size)
            methods = {
                LOOP: partial(_to_the_end, race.loop, device),
                OURS: partial(_to_the_end, race.ours, device),
            }
            case = f"{shape_name(n_rows)}, batches of {batch_size}"
            yield from alternate(GPU_SECTION, case, methods, sizes.repeats)


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


def measure_gpu(sizes: Sizes) -> Iterator[Measurement]:
    """Measure on the GPU; nothing where there is none, which the report says."""
    if torch.cuda.is_available():
        yield from gpu_times(sizes, "cuda")
        yield from waits(sizes)
