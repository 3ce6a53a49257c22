"""What an estimator's parameters mean for a fit, checked together."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sklearn_ae._fit.cross_validation import Folds, given_splits
from sklearn_ae._model import Architecture
from sklearn_ae._training import (
    KINDS,
    Noise,
    TrainingOptions,
    check_callback,
    resolve_device,
)
from sklearn_ae.networks import FullyConnected

# After training on more rows, transform is as fast as the encoder.
MAX_ROWS_FOR_STEPS = 50_000


def describe_network(model: Any, n_components: int, n_samples: int) -> Architecture:
    """Check the layers and describe the network; it is trained on `n_samples` rows."""
    given: Any = model.hidden_layer_sizes
    sizes: list[int] = list(given) if np.ndim(given) else [given]
    valid = all(isinstance(size, Integral) and size > 0 for size in sizes)
    if not valid or isinstance(given, dict | set) or bool in map(type, sizes):
        raise ValueError(
            f"hidden_layer_sizes={model.hidden_layer_sizes!r} must hold integers of "
            "at least 1, one for each hidden layer of the encoder."
        )
    _check_activations(model)
    module = FullyConnected if model.module is None else model.module
    return Architecture(
        n_components=n_components,
        hidden_layer_sizes=tuple(int(size) for size in sizes),
        activation=model.activation,
        code_activation=model.code_activation,
        output_activation=model.output_activation,
        init=model.init,
        whiten=model.whiten,
        sparse=model.code_penalty > 0 or model.code_activation != "identity",
        n_steps=_transform_steps(model, n_samples),
        module=module,
        module_parameters=_module_parameters(model, module),
    )


def _transform_steps(model: Any, n_samples: int) -> int:
    """Return how many steps codes take after the encoder."""
    if model.transform_max_iter == "auto":
        return 1 if n_samples <= MAX_ROWS_FOR_STEPS else 0
    return int(model.transform_max_iter)


def _check_activations(model: Any) -> None:
    """Raise where activations or penalties of codes and outputs do not fit together."""
    if model.init == "pca":
        for name, neutral in (("code_activation", "identity"), ("code_penalty", 0)):
            if getattr(model, name) != neutral:
                raise ValueError(
                    f"{name}={getattr(model, name)!r} needs init='random': with "
                    "init='pca' the codes stay close to PCA's, which are not sparse."
                )
    if model.loss == "log_loss" and model.output_activation != "logistic":
        raise ValueError(
            "loss='log_loss' needs reconstructions between 0 and 1. Set "
            "output_activation='logistic'."
        )


def _module_parameters(model: Any, module: Any) -> dict[str, Any]:
    """Check the network and return the arguments of its class, without prefix."""
    if isinstance(module, type) and not issubclass(module, nn.Module):
        raise ValueError(
            f"module={module!r} must be a torch module with the methods encode and "
            "decode, or a class of such."
        )
    parameters: dict[str, Any] = model._get_module_parameters()
    if parameters and module is FullyConnected:
        raise ValueError(
            f"module__{next(iter(parameters))} is an argument for a class of your own, "
            f"but module={model.module!r} is the built-in network, which follows "
            "hidden_layer_sizes, activation and init. Set these or module."
        )
    if parameters and isinstance(module, nn.Module):
        raise ValueError(
            f"module__{next(iter(parameters))} is an argument for a class, but module "
            f"is an instance of {type(module).__name__}. Give the class."
        )
    return parameters


def describe_training(model: Any) -> TrainingOptions:
    """Check the parameters of training that need more than a type and a range."""
    callbacks = list(model.callbacks or ())
    for callback in callbacks:
        check_callback(callback)
    return TrainingOptions(
        learning_rate_init=float(model.learning_rate_init),
        alpha=float(model.alpha),
        loss=model.loss,
        noise=_noise_function(model.noise),
        code_penalty=float(model.code_penalty),
        nested_dropout=float(model.nested_dropout),
        batch_size=None if model.batch_size == "auto" else int(model.batch_size),
        max_iter=None if model.max_iter == "auto" else int(model.max_iter),
        n_iter_no_change=int(model.n_iter_no_change),
        tol=float(model.tol),
        verbose=int(model.verbose),
        device=resolve_device(model.device),
        callbacks=callbacks,
    )


def _noise_function(noise: Any) -> Noise | None:
    """Return what corrupts rows in the units of the data, or None for no noise."""
    if noise is None:
        return None
    if callable(noise) and not isinstance(noise, type | nn.Module):
        function: Noise = noise
        return function
    kind, level = ("gaussian", noise) if isinstance(noise, Real) else _pair(noise)
    known = isinstance(kind, str) and kind in KINDS
    largest = np.inf if kind == "gaussian" else 1.0
    number = isinstance(level, Real) and not isinstance(level, bool)
    value = float(level) if number else np.nan
    if not (known and 0 <= value <= largest and np.isfinite(value)):
        raise ValueError(
            f"noise={noise!r} must be None, the standard deviation of Gaussian noise, "
            "a pair of 'gaussian' and a standard deviation, of 'masking' or 'swap' and "
            "a share of the cells between 0 and 1, or a callable of a tensor and a "
            "generator."
        )
    return partial(KINDS[kind], level=value) if value > 0 else None


def _pair(noise: Any) -> tuple[Any, Any]:
    """Return a kind of noise and its level, None for what is no pair."""
    given = isinstance(noise, tuple | list) and len(noise) == 2
    return tuple(noise) if given else (None, None)


def choose_folds(
    model: Any, n_samples: int, n_components: int, kept: NDArray[np.bool_]
) -> Folds | None:
    """Return the folds of the cross-validation, or None to go without."""
    if model.init != "pca" or model.cv is None:
        return None
    if isinstance(model.cv, str):
        return Folds.auto(n_samples, n_components)
    if isinstance(model.cv, Integral):
        folds = Folds(int(model.cv), int(model.cv))
    else:
        folds = Folds.of_splits(given_splits(model.cv, kept))
    n_left = folds.n_left(n_samples)
    too_many = not folds.given and folds.n_folds > n_samples
    if too_many or n_left <= n_components:
        raise ValueError(
            f"cv={model.cv!r} leaves {n_left} of {n_samples} samples to train on, "
            f"but more than the {n_components} codes are needed, and no more folds "
            "than samples. Change cv, lower n_components or set cv=None."
        )
    return folds
