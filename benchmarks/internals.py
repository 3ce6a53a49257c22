"""What the speed suite uses of the package's inside, in one place."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._data import LinearStart, Table
from sklearn_ae._fit import describe_network, describe_training
from sklearn_ae._model import build_autoencoder
from sklearn_ae._model.autoencoder import CorrectedPCA as CorrectedPCA
from sklearn_ae._training import Net as Net
from sklearn_ae._training import (
    Objective,
    Rows,
    run_epochs,
    start_training,
)


class UnweightedLoss(nn.Module):
    """The loss of a fit where all rows count alike; a target is `(batch,)`."""

    weight: Tensor

    def __init__(self, criterion: nn.Module) -> None:
        super().__init__()
        self.criterion = criterion
        self.register_buffer("weight", torch.ones(1, 1))

    def forward(self, output: Any, target: tuple[Tensor]) -> Tensor:
        """Map a module's output and the rows to a number."""
        loss: Tensor = self.criterion(output, (*target, self.weight))
        return loss


class Training:
    """A fit of one estimator to rows, taken apart.

    Attributes
    ----------
    x, x_valid : Tensor of shape (n_rows, n_features)
        Rows to train on and to validate on, in the scale in which training works.
    """

    def __init__(
        self, estimator: AutoencoderTransformer, X: np.ndarray, n_rows: int
    ) -> None:
        self.estimator, self.n_components = estimator, int(estimator.n_components or 0)
        self.start = LinearStart.of_table(Table.of(X[:n_rows]), self.n_components, 0)
        self.rows, self.valid = (
            Rows.of_table(Table.of(part), self.start).to(estimator.device)
            for part in (X[:n_rows], X[n_rows:])
        )
        self.x, self.x_valid = self.rows.x, self.valid.x

    def untrained(self) -> tuple[Any, nn.Module]:
        """Return a network and its loss, which maps output and `(batch,)` to a number.

        They are those of a fit with default parameters, before its first step.
        """
        estimator = self.estimator
        architecture = describe_network(estimator, self.n_components, len(self.x))
        module = build_autoencoder(self.start, architecture, seed=0)
        module.to(estimator.device)
        objective = Objective.of_start(
            estimator.loss,
            self.start,
            self.rows,
            module,
            code_penalty=0.0,
            corruption=None,
        )
        criterion = objective.criterion(module, self.start)
        return module.train(), UnweightedLoss(criterion).to(estimator.device)

    def epochs(
        self, module: Any, criterion: Any, n_epochs: int, validating: bool
    ) -> Callable[[], Any]:
        """Return what trains such a network as `fit` does, ready to begin."""
        net = start_training(
            module,
            self.valid.dataset() if validating else None,
            criterion=criterion.criterion,
            corruption=None,
            options=replace(describe_training(self.estimator), max_iter=n_epochs),
            n_rows=len(self.x),
            seed=0,
        )
        return partial(run_epochs, net, self.rows.dataset(), n_epochs)


def bare_encoder(estimator: AutoencoderTransformer) -> Callable[[Tensor], Tensor]:
    """Return the float32 encoder of a fitted estimator, without units and checks."""
    module = estimator._codec.modules[np.dtype(np.float32)]
    encode: Callable[[Tensor], Tensor] = module.encode
    return encode


def encoded(estimator: AutoencoderTransformer, X: np.ndarray) -> np.ndarray:
    """Return the codes of the bare encoder, with the units that `transform` adds."""
    codec = estimator._codec
    with torch.inference_mode():
        codes = bare_encoder(estimator)(torch.from_numpy(codec._to_scaled(X)))
    return np.asarray(codes.numpy() * codec.code_scale)


def takes_steps(estimator: AutoencoderTransformer) -> bool:
    """Whether `transform` of a fitted estimator steps towards the rows."""
    return estimator.net_.module_.steps is not None
