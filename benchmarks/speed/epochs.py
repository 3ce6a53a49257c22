"""What an epoch costs beyond the arithmetic: against a loop written by hand."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from benchmarks.speed.timing import (
    Measurement,
    Sizes,
    Work,
    alternate,
    make_rows,
    one_thread,
    shape_name,
)
from sklearn_ae import AutoencoderTransformer
from sklearn_ae._fit import settings as settings
from sklearn_ae._fit.trainer import build_module, linear_start
from sklearn_ae._model.autoencoder import Autoencoder
from sklearn_ae._model.inference import as_tensor
from sklearn_ae._training.net import Phase, run_epochs, start_training
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows

SECTION = "epochs"
OURS, VALIDATING = "autoencoder", "autoencoder, validating"
LOOP, SKORCH, SKORCH_FUSED = "loop", "skorch", "skorch, fused"

HIDDEN_LAYERS = (128, 64)
N_COMPONENTS = 10
BATCH_SIZE = 128
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
        X = make_rows(n_rows + math.ceil(HELD_OUT * n_rows))
        self.start = linear_start(X[:n_rows], N_COMPONENTS, seed=0)
        rows = as_tensor(self.start.to_scaled(X)).to(device)
        self.x, self.x_valid = rows[:n_rows], rows[n_rows:]
        self.n_epochs, self.device, self.batch_size = n_epochs, device, batch_size
        self.estimator = AutoencoderTransformer(
            N_COMPONENTS,
            hidden_layer_sizes=HIDDEN_LAYERS,
            batch_size=batch_size,
            n_iter_no_change=n_epochs,
            device=device,
        )

    def _untrained(self) -> tuple[Autoencoder, nn.Module]:
        """Return network and loss."""
        architecture = settings.network_settings(
            self.estimator, N_COMPONENTS, len(self.x)
        )
        module = build_module(self.start, architecture, seed=0)
        objective = Objective.of_start(
            self.estimator.loss,
            self.start,
            Rows(self.x),
            lambda: module,
            code_penalty=0.0,
            corruption=None,
        )
        criterion = objective.criterion(module, self.start)
        return module.to(self.device), criterion.to(self.device)

    def ours(self, validating: bool = False) -> Work:
        """Train as `fit` does, with or without a tenth more rows that pick weights."""
        module, criterion = self._untrained()
        net = start_training(
            module,
            Rows(self.x_valid) if validating else None,
            criterion=criterion,
            corruption=None,
            options=settings.training_settings(self.estimator),
            phases=[Phase(len(self.x), self.n_epochs)],
            seed=0,
        )
        return partial(run_epochs, net, Rows(self.x), self.n_epochs)

    def loop(self) -> Work:
        """Train with nothing but PyTorch, and the fused optimiser."""
        module, criterion = self._untrained()
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
        module, criterion = self._untrained()
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
