"""What the estimator's parameters say about training, and where it may run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from skorch.callbacks import Callback, InputShapeSetter, LRScheduler

from sklearn_ae._training.noise import Noise


@dataclass(frozen=True)
class TrainingOptions:
    """What the estimator's parameters say about training; names are theirs."""

    learning_rate_init: float
    alpha: float
    loss: Any  # a name, a function, or a list of terms
    noise: Noise | None
    code_penalty: float
    nested_dropout: float
    batch_size: int | None  # None follows the number of rows
    max_iter: int | None  # None follows the rows held out
    n_iter_no_change: int
    tol: float
    verbose: int
    device: str
    callbacks: Sequence[Any]


def check_callback(callback: Any, is_validated: bool) -> None:
    """Raise unless skorch takes `callback`, and there is what it monitors."""
    named = isinstance(callback, tuple) and len(callback) == 2
    bare = callback[1] if named else callback
    if not isinstance(bare, Callback):
        raise ValueError(
            f"callbacks holds {callback!r}, but each entry must be an instance of "
            "skorch.callbacks.Callback or a pair of a name and one."
        )
    if isinstance(bare, InputShapeSetter):
        raise ValueError(
            f"callbacks holds {callback!r}, which changes a module in training. It is "
            "not needed: name n_features and n_components in the constructor of your "
            "module, which then gets them."
        )
    if isinstance(bare, LRScheduler):
        raise ValueError(
            f"callbacks holds {callback!r}, but how long a fit takes, and so where a "
            "rate should fall, is not known beforehand. Set learning_rate_init instead."
        )
    monitor = getattr(bare, "monitor", None)
    if monitor in ("valid_loss", "valid_loss_best") and not is_validated:
        raise ValueError(
            f"callbacks holds {callback!r}, which monitors {monitor!r}, but there are "
            "no rows to validate on. Set early_stopping=True, or monitor="
            f"{monitor.replace('valid_', 'train_')!r}."
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
            "'auto', 'cpu' or a device that torch offers on this machine, such as "
            "'cuda'."
        ) from error
    return device
