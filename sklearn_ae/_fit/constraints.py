"""Types and ranges of the estimator's parameters, one by one."""

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from torch import nn

from sklearn_ae._training import LOSSES
from sklearn_ae.networks import ACTIVATIONS

COUNT = Interval(Integral, 1, None, closed="left")
COUNT_OR_ZERO = Interval(Integral, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [COUNT, Interval(RealNotInt, 0, 1, closed="neither"), None],
    "hidden_layer_sizes": ["array-like", COUNT],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "init": [StrOptions({"pca", "random"})],
    "module": [type, nn.Module, None],
    "loss": [StrOptions(set(LOSSES)), callable, list, tuple],  # checked again
    "code_activation": [StrOptions(set(ACTIVATIONS))],
    "output_activation": [StrOptions({"identity", "logistic"})],
    "noise": [NOT_NEGATIVE, tuple, list, str, callable, None],  # checked again
    "code_penalty": [NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), COUNT],
    "learning_rate_init": [POSITIVE],
    "alpha": [NOT_NEGATIVE],
    "nested_dropout": [Interval(Real, 0, 1, closed="left")],
    "max_iter": [StrOptions({"auto"}), COUNT],
    "transform_max_iter": [StrOptions({"auto"}), COUNT_OR_ZERO],
    "cv": [StrOptions({"auto"}), "cv_object"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [COUNT],
    "tol": [NOT_NEGATIVE],
    "warm_start": ["boolean"],
    "whiten": ["boolean"],
    "device": [str],
    "callbacks": [list, tuple, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
