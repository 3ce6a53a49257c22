"""Autoencoders as one would write them by hand, to compare with."""

import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from torch import nn

HIDDEN_LAYERS = (256, 128)
N_EPOCHS = 200
BATCH_SIZE = 128
LEARNING_RATE = 1e-3


class PerceptronAutoencoder(TransformerMixin, BaseEstimator):
    """Fit scikit-learn's `MLPRegressor` to its own input, the code in the middle.

    Everything but the widths is `MLPRegressor`'s default; so the code passes through
    ReLU as every hidden layer does.
    """

    def __init__(self, n_components: int = 2, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: object = None) -> "PerceptronAutoencoder":
        """Train, without the warning that 200 epochs were too few."""
        sizes = (*HIDDEN_LAYERS, self.n_components, *HIDDEN_LAYERS[::-1])
        self.mlp_ = MLPRegressor(
            hidden_layer_sizes=sizes, random_state=self.random_state
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.mlp_.fit(X, X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Compute the activations of the layer in the middle."""
        return self._run(X, 0, len(HIDDEN_LAYERS) + 1)

    def inverse_transform(self, codes: np.ndarray) -> np.ndarray:
        """Run the layers behind the one in the middle."""
        return self._run(codes, len(HIDDEN_LAYERS) + 1, len(self.mlp_.coefs_))

    def _run(self, values: np.ndarray, first: int, end: int) -> np.ndarray:
        """Run layers ``first`` to ``end - 1``; only the very last is linear."""
        for layer in range(first, end):
            values = values @ self.mlp_.coefs_[layer] + self.mlp_.intercepts_[layer]
            if layer < len(self.mlp_.coefs_) - 1:
                values = np.maximum(values, 0)
        return values


def _perceptron(sizes: tuple[int, ...]) -> nn.Sequential:
    """Chain linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class PlainAutoencoder(TransformerMixin, BaseEstimator):
    """Train the autoencoder of the textbook with a loop of PyTorch.

    Layers (256, 128), the code, and the same widths in reverse; ReLU, Adam at 1e-3,
    batches of 128 rows, 200 epochs, no schedule.
    """

    def __init__(self, n_components: int = 2, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: object = None) -> "PlainAutoencoder":
        """Train on all rows."""
        for _ in self.epochs(X):
            pass
        return self

    def epochs(self, X: np.ndarray) -> Iterator[int]:
        """Train on all rows, and pause after each epoch."""
        torch.manual_seed(self.random_state)
        sizes = (X.shape[1], *HIDDEN_LAYERS, self.n_components)
        self.encoder_, self.decoder_ = _perceptron(sizes), _perceptron(sizes[::-1])
        model = nn.Sequential(self.encoder_, self.decoder_)
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
        rows = _tensor(X)
        for epoch in range(N_EPOCHS):
            for batch in torch.randperm(len(rows)).split(BATCH_SIZE):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(rows[batch]), rows[batch]).backward()
                optimizer.step()
            yield epoch

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Encode."""
        return _apply(self.encoder_, X)

    def inverse_transform(self, codes: np.ndarray) -> np.ndarray:
        """Decode."""
        return _apply(self.decoder_, codes)


def _tensor(X: np.ndarray) -> torch.Tensor:
    """Convert to torch, in single precision."""
    return torch.from_numpy(np.asarray(X, dtype=np.float32))


def _apply(module: nn.Module, X: np.ndarray) -> Any:
    """Run a trained module on an array."""
    with torch.inference_mode():
        return module(_tensor(X)).numpy()
