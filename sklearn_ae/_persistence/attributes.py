"""Estimators as their parameters and fitted attributes, and back."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from sklearn_ae._persistence.values import need

COUNT, NAMES, OUTPUT = "n_features_in_", "feature_names_in_", "_sklearn_output_config"


@dataclass(frozen=True)
class Attributes:
    """How instances of one class are taken apart, and put together with all checked.

    Parameters
    ----------
    cls : type
        The class itself; its subclasses are others.
    required, optional : tuple of str
        Names of fitted attributes. An estimator without any is not fitted.
    complete : callable
        Checks a loaded estimator that is fitted, and adds what follows.
    """

    cls: Any
    required: tuple[str, ...]
    optional: tuple[str, ...]
    complete: Callable[[Any], None]

    def take(self, estimator: Any) -> dict[str, Any]:
        """Return parameters and attributes."""
        estimator._validate_params()
        state, names = vars(estimator), (*self.required, *self.optional)
        found = [name for name in (COUNT, NAMES, OUTPUT, *names) if name in state]
        return estimator.get_params(deep=False) | {name: state[name] for name in found}

    def put(self, state: dict[str, Any]) -> Any:
        """Return an estimator; what is not named of its parameters is the default."""
        name, own = self.cls.__name__, self.cls._get_param_names()
        if isinstance(module := state.get("module"), type):
            own = [*own, *(f"module__{one}" for one in signature(module).parameters)]
        estimator = self.cls(**{name: state[name] for name in own if name in state})
        estimator._validate_params()
        found = {name: value for name, value in state.items() if name not in own}
        fitted = found.keys() - {COUNT, NAMES, OUTPUT}
        unknown = sorted(fitted - {*self.required, *self.optional})
        if unknown:
            raise ValueError(f"Its {name} has the unknown {unknown!s:.200}.")
        missing = sorted({*self.required} - fitted)
        if missing and fitted:
            raise ValueError(f"Its {name} lacks {missing!s:.200}.")
        _check_of_all(found)
        estimator.__dict__.update(found)
        if not missing:
            self.complete(estimator)
        return estimator


def _check_of_all(found: dict[str, Any]) -> None:
    """Check what estimators of all classes have."""
    n_features, names = found.get(COUNT, 1), found.get(NAMES)
    need(type(n_features) is int and n_features > 0, f"Its {COUNT} is")
    if names is not None:
        is_right = names.dtype == object and names.shape == (n_features,)
        are_text = is_right and all(isinstance(name, str) for name in names)
        need(are_text, f"Its {NAMES}, a str for each of {COUNT}, is")
    kinds = ({"transform": kind} for kind in ("default", "pandas", "polars"))
    need(found.get(OUTPUT, {}) in ({}, *kinds), "Its kind of output is")
