"""What the estimator's parameters say about training, and where it may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from skorch.callbacks import Callback, InputShapeSetter, LRScheduler

from sklearn_ae._training.noise import Noise


@dataclass(frozen=True)
class TrainingOptions:
    """What the estimator's parameters say about training; names are theirs."""

    learning_rate_init: float = 0.01
    alpha: float = 1.0
    loss: str = "squared_error"
    noise: Noise | None = None
    code_penalty: float = 0.0
    nested_dropout: float = 0.0
    batch_size: int | None = None  # None follows the number of rows
    max_iter: int | None = None  # None follows the number of rows
    n_iter_no_change: int = 10
    tol: float = 1e-4
    verbose: int = 0
    device: str = "cpu"
    callbacks: Sequence[Any] = ()


def check_callback(callback: Any) -> None:
    """Raise unless `callback` is what skorch takes in its list of callbacks."""
    named = isinstance(callback, tuple) and len(callback) == 2
    bare = callback[1] if named else callback
    if not isinstance(bare, Callback):
        raise ValueError(
            f"callbacks holds {callback!r}, but each entry must be an instance of "
            "skorch.callbacks.Callback or a pair of a name and one."
        )
    if isinstance(bare, InputShapeSetter):
        raise ValueError(
            f"callbacks holds {callback!r}, which changes a module once training has "
            "begun. It is not needed: name n_features and n_components in the "
            "constructor of your module, which then gets them."
        )
    if isinstance(bare, LRScheduler):
        raise ValueError(
            f"callbacks holds {callback!r}, but the learning rate has a schedule that "
            "sets it in every step. Set learning_rate_init, its peak, instead."
        )


def resolve_device(device: str) -> str:
    """Turn "auto" into "cuda" where there is one, else "cpu"; check other names."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here ({str(error)[:120]}...). Choose "
            "'auto', 'cpu' or "
            "a device that torch offers on this machine, such as 'cuda'."
        ) from error
    return device
