"""Terms of the loss that are the user's: functions of named tensors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import partial
from inspect import Parameter, signature
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae._model import Autoencoder, CellLoss

LOSSES = ("squared_error", "absolute_error", "huber", "log_loss")
# What a loss may name, and what a penalty.
OF_LOSS = ("reconstruction", "rows", "weights")
OF_PENALTY = (*OF_LOSS, "codes", "network", "loss")


def terms_of(loss: Any) -> list[Any]:
    """Return the loss, by which a fit is measured, and the penalties after it."""
    return list(loss) if isinstance(loss, list | tuple) else [loss]


def check_loss(loss: Any) -> None:
    """Raise unless a fit can be measured by the first term, and all can be called."""
    terms = terms_of(loss)
    is_name = terms and isinstance(terms[0], str) and terms[0] in LOSSES
    start = int(bool(is_name))
    if not terms or not all(map(callable, terms[start:])):
        raise ValueError(
            f"loss={loss!r} has to be one of {LOSSES} or a function, or a list of such "
            "and then of functions that are penalties."
        )
    for i, function in enumerate(terms[start:], start):
        names_of(function, OF_PENALTY if i else OF_LOSS)


def name_of(function: Any) -> str:
    """Return what a function is called."""
    if isinstance(function, partial):
        return name_of(function.func)
    return getattr(function, "__qualname__", type(function).__name__)


def names_of(function: Any, allowed: tuple[str, ...]) -> list[str]:
    """Return which named tensors a function asks for; raise if it asks for others."""
    parameters: list[Parameter] | None = None
    with suppress(TypeError, ValueError):  # of what is written in C
        called = function.forward if isinstance(function, nn.Module) else function
        parameters = list(signature(called).parameters.values())
    by_name = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    known = parameters or []
    names = [p.name for p in known if p.kind in by_name and p.name in allowed]
    needed = [p for p in known if p.default is p.empty and p.name not in names]
    others = [p.name for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    # A penalty of weights may need nothing else.
    has_enough = names or (parameters == [] and allowed is OF_PENALTY)
    if isinstance(function, type) or others or not has_enough:
        found = f"asks for {', '.join(others)}" if others else "names none of them"
        hint = "Give others a default, or bind them with functools.partial."
        if allowed is OF_LOSS:
            hint += " torch's own are called by one of yours: lambda reconstruction, "
            hint += "rows: loss(reconstruction, rows). loss=['squared_error', penalty] "
            hint += "adds a penalty that may name all."
        raise ValueError(
            f"loss: {name_of(function)} has to be a function whose arguments are named "
            f"of {', '.join(allowed)}, but it {found}. {hint}"
        )
    return names


class DataUnits(nn.Module):
    """Centred and scaled rows in the units of the data, and back."""

    mean: Tensor  # (n_features,)
    scale: Tensor  # ()

    def __init__(self, mean: Tensor, scale: Tensor, clip: bool) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.clip = clip  # whether rounding may not leave 0 and 1

    def forward(self, x: Tensor) -> Tensor:
        """Return rows of the data."""
        rows = x * self.scale + self.mean
        return rows.clamp(0, 1) if self.clip else rows

    def scaled(self, rows: Tensor) -> Tensor:
        """Return centred and scaled rows."""
        return (rows - self.mean) / self.scale


class NetworkOfData:
    """A module that maps rows in the units of the data; for the rest, its network."""

    def __init__(self, module: Autoencoder, units: DataUnits) -> None:
        self._module, self._units = module, units

    def encode(self, rows: Tensor) -> Tensor:
        """Return codes, before the change of basis."""
        return self._module.raw_encode(self._units.scaled(rows))

    def decode(self, codes: Tensor) -> Tensor:
        """Return reconstructions."""
        return self._units(self._module.raw_decode(codes))

    def __call__(self, rows: Tensor) -> Tensor:
        """Return reconstructions of rows."""
        return self.decode(self.encode(rows))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module.own_network, name)


class OwnLoss(CellLoss):
    """A function of the user's as a loss of cells; that of a row is spread evenly."""

    function: Callable[..., Any]

    def __init__(self, function: Callable[..., Any], units: DataUnits) -> None:
        super().__init__()
        self.names, self.units = names_of(function, OF_LOSS), units
        # Not as a module of this one, whose parameters are trained and whose dtype may
        # change.
        object.__setattr__(self, "function", _fixed(function))

    def forward(
        self, reconstruction: Tensor, x: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Return the losses, in the shape of `x`."""
        all_given = self.units(reconstruction), self.units(x), weight
        tensors = dict(zip(OF_LOSS, all_given, strict=True))
        # float32, as in training: what the function closes over may be that, too.
        given = {name: tensors[name].to(torch.float32) for name in self.names}
        found = _placed(self.function, x)(**given)
        _check(found, self.function, (tuple(x.shape), (len(x),)), reconstruction)
        _check_gradient(found, self.function, reconstruction)
        if found.ndim == 1:
            found = (found / x.shape[1])[:, None].expand_as(x)
        return found.to(x.dtype)


class OwnPenalty:
    """A penalty of the user's or of a network, over the unit of the loss.

    That of a row counts as the row's cells do on average.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        network: NetworkOfData,
        units: DataUnits,
        unit: float,
    ) -> None:
        self.function, self.network = _fixed(function), network
        self.units, self.unit = units, unit
        self.names = names_of(function, OF_PENALTY)

    def __call__(self, **named: Any) -> Tensor:
        """Return the penalty of a batch."""
        x, weights = named["rows"], named["weights"]
        of_data = {
            "reconstruction": lambda: self.units(named["reconstruction"]),
            "rows": lambda: self.units(x),
            "network": lambda: self.network,
            "loss": lambda: named["loss"].detach() * self.unit,
        }
        given = {n: of_data.get(n, partial(named.get, n))() for n in self.names}
        found = _placed(self.function, x)(**given)
        _check(found, self.function, ((len(x),), ()), named["reconstruction"])
        if not found.requires_grad and found.any():  # 0 may come to count later
            _check_gradient(found, self.function, named["reconstruction"])
        if found.ndim == 1:
            found = (found * weights.mean(dim=1)).mean()
        return found.to(x.dtype) / self.unit


def _fixed(function: Any) -> Any:
    """Return a function, or a copy of a module that training does not change."""
    is_module = isinstance(function, nn.Module)
    return deepcopy(function).requires_grad_(False).eval() if is_module else function


def _placed(function: Any, like: Tensor) -> Any:
    """Return a function; a module is where the rows are."""
    return function.to(like.device) if isinstance(function, nn.Module) else function


def _check_gradient(found: Tensor, function: Any, reconstruction: Tensor) -> None:
    """Raise unless what a function returns depends on what is trained."""
    if reconstruction.requires_grad and not found.requires_grad:
        raise ValueError(
            f"loss: {name_of(function)} has no gradient. It has to use torch's "
            "functions, without detach."
        )


def _check(
    found: Any,
    function: Any,
    shapes: tuple[tuple[int, ...], ...],
    reconstruction: Tensor,
) -> None:
    """Raise unless a function has returned a tensor of one of the shapes, and finite.

    Where reconstructions are not finite, training has diverged, which others report.
    """
    is_float = isinstance(found, Tensor) and found.is_floating_point()
    if not is_float or tuple(found.shape) not in shapes:
        what = type(found).__name__
        if isinstance(found, Tensor):
            what = f"one of shape {tuple(found.shape)} and {found.dtype}"
        wanted = " or ".join(map(str, shapes))
        problem = f"a floating tensor of shape {wanted}, but has returned {what}"
    elif not torch.isfinite(found).all() and torch.isfinite(reconstruction).all():
        problem = "finite values, but has returned others for finite reconstructions"
    else:
        return
    raise ValueError(f"loss: {name_of(function)} has to return {problem}.")
