"""What an estimator's parameters mean for a fit, checked together."""

import sys
from dataclasses import fields
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from torch import nn

from sklearn_ae._data import ENOUGH_ROWS
from sklearn_ae._fit.cross_validation import Folds, given_splits
from sklearn_ae._fit.samples import Data
from sklearn_ae._model import Architecture
from sklearn_ae._training import (
    KINDS,
    Noise,
    TrainingOptions,
    check_callback,
    check_loss,
    resolve_device,
    terms_of,
)
from sklearn_ae.networks import FullyConnected


def describe_network(model: Any, n_components: int, n_samples: int) -> Architecture:
    """Check the layers and describe the network; it is trained on `n_samples` rows."""
    given: Any = model.hidden_layer_sizes
    sizes: list[int] = list(given) if np.ndim(given) else [given]
    if not all(isinstance(n, Integral) and n > 0 and n is not True for n in sizes):
        raise ValueError(
            f"hidden_layer_sizes={given!r} must hold integers of at least 1, one for "
            "each hidden layer of the encoder."
        )
    _check_activations(model)
    n_steps = model.transform_max_iter
    if n_steps == "auto":
        n_steps = n_samples <= 5 * ENOUGH_ROWS
    return Architecture(
        n_components=n_components,
        hidden_layer_sizes=tuple(map(int, sizes)),
        activation=model.activation,
        code_activation=model.code_activation,
        output_activation=model.output_activation,
        init=model.init,
        whiten=model.whiten,
        sparse=model.code_penalty > 0 or model.code_activation != "identity",
        n_steps=int(n_steps),
        module=FullyConnected if model.module is None else model.module,
        module_parameters=_module_parameters(model),
    )


def _check_activations(model: Any) -> None:
    """Raise where activations or penalties of codes and outputs do not fit together."""
    for name, neutral in (("code_activation", "identity"), ("code_penalty", 0)):
        if model.init == "pca" and getattr(model, name) != neutral:
            raise ValueError(
                f"{name}={getattr(model, name)!r} needs init='random': with "
                "init='pca' the codes stay close to PCA's, which are not sparse."
            )
    if terms_of(model.loss)[0] == "log_loss" and model.output_activation != "logistic":
        raise ValueError(
            "loss='log_loss' needs reconstructions between 0 and 1. Set "
            "output_activation='logistic'."
        )


def _module_parameters(model: Any) -> dict[str, Any]:
    """Check the network and return the arguments of its class, without prefix."""
    module = model.module
    if isinstance(module, type) and not issubclass(module, nn.Module):
        raise ValueError(
            f"module={module!r} must be a torch module with the methods encode and "
            "decode, or a class of such."
        )
    parameters: dict[str, Any] = model._get_module_parameters()
    if parameters and (module is FullyConnected or not isinstance(module, type)):
        raise ValueError(
            f"module__{next(iter(parameters))} is an argument for a class of your own, "
            f"but module={module!r:.80}. Set module to the class; the built-in network "
            "follows hidden_layer_sizes, activation and init."
        )
    return parameters


def describe_training(model: Any) -> TrainingOptions:
    """Check the parameters of training that need more than a type and a range."""
    check_loss(model.loss)
    options: dict[str, Any] = {}
    for field in fields(TrainingOptions):
        value = getattr(model, field.name)
        if isinstance(value, Real):  # of NumPy, for instance
            value = int(value) if isinstance(value, Integral) else float(value)
        options[field.name] = None if value == "auto" else value
    options["callbacks"] = list(model.callbacks or ())
    for callback in options["callbacks"]:
        check_callback(callback, model.early_stopping)
    options["noise"] = _noise_function(model.noise)
    options["device"] = resolve_device(model.device)
    return TrainingOptions(**options)


def _noise_function(noise: Any) -> Noise | None:
    """Return what corrupts rows in the units of the data, or None for no noise."""
    if callable(noise) and not isinstance(noise, type | nn.Module):
        return noise
    match ("gaussian", noise) if isinstance(noise, Real) else noise:
        case None:
            return None
        case [str(kind), Real() as level] if kind in KINDS:
            largest = sys.float_info.max if kind == "gaussian" else 1.0
            if not isinstance(level, bool) and 0 <= float(level) <= largest:
                return partial(KINDS[kind], level=float(level)) if level else None
    raise ValueError(
        f"noise={noise!r} must be None, the standard deviation of Gaussian noise, a "
        "pair of 'gaussian' and a standard deviation, of 'masking' or 'swap' and a "
        "share of the cells between 0 and 1, or a callable of a tensor and a generator."
    )


def choose_folds(model: Any, data: Data, n_components: int) -> Folds | None:
    """Return the folds of the cross-validation, or None to go without."""
    if data.held_out is not None or model.init != "pca" or model.cv is None:
        return None
    n_samples = len(data.training)
    if isinstance(model.cv, str):
        return Folds.auto(n_samples, n_components)
    if isinstance(model.cv, Integral):
        folds = Folds(int(model.cv), int(model.cv))
    else:
        folds = Folds.of_splits(given_splits(model.cv, data.kept))
    n_left = folds.n_left(n_samples)
    too_many = not folds.given and folds.n_folds > n_samples
    if too_many or n_left <= n_components:
        raise ValueError(
            f"cv={model.cv!r} leaves {n_left} of {n_samples} samples to train on, "
            f"but more than the {n_components} codes are needed, and no more folds "
            "than samples. Change cv, lower n_components or set cv=None."
        )
    return folds
