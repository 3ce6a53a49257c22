"""What an estimator's parameters mean for the data of a fit, checked together."""

from __future__ import annotations

from functools import partial
from numbers import Integral, Real
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import nn

from sklearn_ae._data.imputation import check_some_observed, missing_cells
from sklearn_ae._data.outliers import outlier_weights
from sklearn_ae._fit.code_size import smallest_code
from sklearn_ae._fit.fitting import Data, Fit, check_continues
from sklearn_ae._fit.progress import FRAMES_AROUND_FIT
from sklearn_ae._fit.shrinkage import Folds, auto_folds, given_splits
from sklearn_ae._fit.trainer import Architecture
from sklearn_ae._training.net import TrainingOptions, check_callback, resolve_device
from sklearn_ae._training.noise import KINDS, Noise
from sklearn_ae.networks.fully_connected import FullyConnected

DTYPES = [np.float64, np.float32]
# Below this share of the largest weight, a row counts nothing in float32.
SMALLEST_WEIGHT = 1e-30
# Scalers may miss 0 and 1 by so much, in float32.
ROUNDING = 1e-6
# With more rows, transform is as fast as the encoder.
MAX_ROWS_TO_PROJECT = 50_000
ROBUST_LOSSES = {"absolute_error", "huber"}


def training_data(
    model: Any, rows: ArrayLike, sample_weight: ArrayLike | None, seed: int
) -> tuple[Data, NDArray[np.bool_]]:
    """Validate rows and weights; leave out rows that do not count, and say which.

    The mask, over all rows, is True where a row is kept.
    """
    X: NDArray = validate_data(
        model,
        rows,
        dtype=DTYPES,
        ensure_min_samples=2,
        ensure_all_finite="allow-nan",
    )
    weight, kept = None, np.ones(len(X), dtype=bool)
    if sample_weight is not None:
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not np.isfinite(weight.sum()):
            raise ValueError("sample_weight is so large that its sum overflows.")
        kept = weight > SMALLEST_WEIGHT * weight.max()
        if kept.sum() < 2:
            raise ValueError(
                f"sample_weight has {kept.sum()} entries above 0, but at least 2 "
                "samples are needed."
            )
        if not kept.all():
            X, weight = X[kept], weight[kept]
        if (weight == 1.0).all():
            weight = None
    missing = missing_cells(X)
    if missing is not None:
        check_some_observed(missing, axis=1, labels=np.flatnonzero(kept))
    if model.output_activation == "logistic":
        _check_shares(X)
    if model.loss in ROBUST_LOSSES:
        X, weight, inliers = _less_for_outliers(X, weight, seed)
        kept[kept] = inliers
    data = Data(X, weight, validation_split(model, len(X), seed))
    missing = missing_cells(data.training[0])
    if missing is not None:
        where = "" if data.validation is None else ", without the rows held out,"
        check_some_observed(missing, axis=0, where=where)
    return data, kept


def _check_shares(X: NDArray) -> None:
    """Raise unless all values lie between 0 and 1."""
    with np.errstate(invalid="ignore"):
        lowest, highest = np.nanmin(X), np.nanmax(X)
    if lowest < -ROUNDING or highest > 1 + ROUNDING:
        raise ValueError(
            "output_activation='logistic' needs values between 0 and 1, but those of "
            f"X lie between {lowest:g} and {highest:g}. Scale X, for instance with "
            "MinMaxScaler, or set output_activation='identity'."
        )


def _less_for_outliers(
    X: NDArray, weight: NDArray[np.float64] | None, seed: int
) -> tuple[NDArray, NDArray[np.float64] | None, NDArray[np.bool_]]:
    """Lower the weights of outliers; leave out rows that then count next to nothing."""
    missing = missing_cells(X)
    if missing is not None:
        check_some_observed(missing, axis=0)
    factors = outlier_weights(X, weight, seed)
    if factors is None:
        return X, weight, np.ones(len(X), dtype=bool)
    weight = factors if weight is None else weight * factors
    inliers = factors > 0
    return (
        (X, weight, inliers)
        if inliers.all()
        else (X[inliers], weight[inliers], inliers)
    )


def network_and_folds(
    model: Any,
    data: Data,
    kept: NDArray[np.bool_],
    options: TrainingOptions,
    seed: int,
    previous: Fit | None,
) -> tuple[Architecture, Folds | None]:
    """Return the network that the data are fitted with, and the folds of the guard."""
    n_components = code_size(model, *data.training, options, seed, previous)
    architecture = network_settings(model, n_components, data.n_training)
    if previous is not None:
        check_continues(previous, data.X.shape[1], architecture)
    folds = None
    if data.validation is None:
        folds = guard_folds(model, len(data.X), n_components, kept)
    return architecture, folds


def code_size(
    model: Any,
    X: NDArray,
    weight: NDArray[np.float64] | None,
    options: TrainingOptions,
    seed: int,
    previous: Fit | None,
) -> int:
    """Return the number of codes that `n_components` means for these data."""
    largest = min(X.shape)
    if model.n_components is None:
        return largest
    if isinstance(model.n_components, Integral):
        if model.init == "pca" and model.n_components > largest:
            raise ValueError(
                f"n_components={model.n_components!r} must be at most "
                f"min(n_samples, n_features)={largest} with init='pca', as in "
                "PCA, where n_samples counts the rows to train on. Lower it, or "
                "set init='random'."
            )
        return int(model.n_components)
    if model.init != "pca":
        raise ValueError(
            f"n_components={model.n_components!r} is a share of the variance, which "
            "needs init='pca'. Give the number of codes as an int."
        )
    if isinstance(model.module, nn.Module):
        raise ValueError(
            f"n_components={model.n_components!r} is a share of the variance, for "
            "which networks of several sizes are trained, but module is an instance of "
            f"{type(model.module).__name__}. Give its class, or the number of codes as "
            "an int."
        )
    if previous is not None:
        return previous.codec.shape[1]
    share = float(model.n_components)
    architecture = network_settings(model, 1, len(X))
    return smallest_code(X, weight, share, architecture, options, seed)


def network_settings(model: Any, n_components: int, n_samples: int) -> Architecture:
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
        return 1 if n_samples <= MAX_ROWS_TO_PROJECT else 0
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


def noise_function(noise: Any) -> Noise | None:
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


def training_settings(model: Any) -> TrainingOptions:
    """Check the parameters of training that need more than a type and a range."""
    callbacks = list(model.callbacks or ())
    for callback in callbacks:
        check_callback(callback)
    return TrainingOptions(
        learning_rate_init=float(model.learning_rate_init),
        alpha=float(model.alpha),
        loss=model.loss,
        noise=noise_function(model.noise),
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


def validation_split(
    model: Any, n_samples: int, seed: int
) -> tuple[NDArray, NDArray] | None:
    """Return indices for training and validation, or None to train on all rows."""
    if not model.early_stopping:
        return None
    n_valid = int(np.ceil(model.validation_fraction * n_samples))
    if n_samples - n_valid < 2:
        warn(
            f"validation_fraction={model.validation_fraction!r} leaves "
            f"{n_samples - n_valid} of {n_samples} samples for training, but at "
            "least 2 are needed. Early stopping is off for this fit, which uses "
            "all samples.",
            UserWarning,
            # The line that calls fit, beyond three functions inside it and fit.
            stacklevel=5 + FRAMES_AROUND_FIT,
        )
        return None
    train, valid = train_test_split(
        np.arange(n_samples), test_size=n_valid, random_state=seed
    )
    return np.sort(train), np.sort(valid)


def guard_folds(
    model: Any, n_samples: int, n_components: int, kept: NDArray[np.bool_]
) -> Folds | None:
    """Return the folds of the guard, or None to go without."""
    if model.init != "pca" or model.cv is None:
        return None
    if isinstance(model.cv, str):
        return auto_folds(n_samples, n_components)
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
