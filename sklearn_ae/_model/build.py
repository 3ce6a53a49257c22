"""An untrained autoencoder from a description, with a network of any class."""

import inspect
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae._data import LinearStart
from sklearn_ae._model.architecture import Architecture
from sklearn_ae._model.autoencoder import (
    Autoencoder,
    CorrectedPCA,
    LogisticSum,
    PlainAutoencoder,
    Sum,
)
from sklearn_ae._model.tensors import as_tensor, data_units
from sklearn_ae.networks import NETWORKS


class Gated(nn.Module):
    """Network whose outputs are multiplied by factors that are learned, from zero.

    Bachlechner, T., et al. (2021). "ReZero is all you need". UAI 2021.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        zero = torch.zeros((), dtype=torch.float32)
        self.encoder_gate = nn.Parameter(zero)
        self.decoder_gate = nn.Parameter(zero.clone())

    @property
    def ungated(self) -> Any:
        """The network itself."""
        return self.network

    def encode(self, x: Tensor) -> Any:
        """Return the network's codes times the first factor."""
        return self.network.encode(x) * self.encoder_gate

    def decode(self, code: Tensor) -> Any:
        """Return the network's reconstruction times the second factor."""
        return self.network.decode(code) * self.decoder_gate


def build_autoencoder(
    start: LinearStart, architecture: Architecture, seed: int, network: Any = None
) -> Autoencoder:
    """Return the untrained autoencoder, of a new network; with init="pca" it is PCA."""
    # Only the built-in correction need not know what its inputs are.
    is_correction = architecture.init == "pca"
    subspace = start.subspace if is_correction and architecture.is_built_in else None
    n_inputs = len(start.mean) if subspace is None else len(subspace)
    if network is None:
        network = build_network(n_inputs, architecture, seed)
        if not architecture.is_built_in:
            _check_network(network, n_inputs, architecture.n_components)
    if not is_correction:
        return _plain(network, start, architecture)
    if architecture.is_built_in:
        network.start_from_zero(start.n_samples)
    else:
        network = Gated(network)
    mean, scale = data_units(start)
    bounded = architecture.is_bounded
    return CorrectedPCA(
        network=network,
        components=as_tensor(start.components),
        column_scale=as_tensor(start.column_scale),
        code_scale=as_tensor(start.code_scale),
        residual_scale=as_tensor(start.residual_scale),
        subspace=None if subspace is None else as_tensor(subspace),
        output=LogisticSum(mean=mean, scale=scale) if bounded else Sum(),
    )


def _plain(
    network: nn.Module, start: LinearStart, architecture: Architecture
) -> PlainAutoencoder:
    """Return a network alone."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            f"module needs parameters to train, but {type(network).__name__} has none. "
            "Register its layers as attributes, or its weights as torch.nn.Parameter, "
            "and do not freeze all of them."
        )
    offset, unit = _units_of(network, start, architecture)
    return PlainAutoencoder(
        network=network,
        n_components=architecture.n_components,
        offset=offset,
        unit=unit,
        code_activation=architecture.code_activation,
        output_activation=architecture.output_activation,
    )


def _units_of(
    network: nn.Module, start: LinearStart, architecture: Architecture
) -> tuple[Tensor, Tensor]:
    """Return what turns centred and scaled rows, `x`, to what a network alone sees.

    It sees `(x + offset) / unit`: the data as they are if they lie between 0 and 1 or
    the network is the user's. The built-in one sees standardised columns, the others of
    this package `x`, in which pixels and steps are still comparable.
    """
    is_known = isinstance(network, tuple(NETWORKS.values()))
    if architecture.is_bounded or not is_known:
        mean, scale = data_units(start)
        return mean / scale, 1 / scale
    unit = as_tensor(start.column_scale)
    return torch.zeros_like(unit), unit if architecture.is_built_in else torch.ones(())


def build_network(n_features: int, architecture: Architecture, seed: int) -> Any:
    """Return a network, made by a class or copied from an instance.

    A class gets its parameters, and what its signature names of the other arguments.
    """
    module: Any = architecture.module
    if isinstance(module, nn.Module):
        return deepcopy(module)  # what is frozen stays so
    offered = {
        "n_features": n_features,
        "n_components": architecture.n_components,
        "hidden_layer_sizes": architecture.hidden_layer_sizes,
        "activation": architecture.activation,
        "init": architecture.init,
        "generator": torch.Generator().manual_seed(seed),
    }
    names = inspect.signature(module).parameters
    taken = {name: value for name, value in offered.items() if name in names}
    return module(**{**taken, **architecture.module_parameters})


def _check_network(network: Any, n_features: int, n_components: int) -> None:
    """Move a network to float32; raise unless it maps rows to codes, and back."""
    name = type(network).__name__
    for method in ("encode", "decode"):
        if not callable(getattr(network, method, None)):
            raise ValueError(
                f"module needs the methods encode and decode, but {name} has no "
                f"{method}."
            )
    network.to("cpu", torch.float32)
    was_training = network.training
    network.eval()
    steps = (("encode", n_features, n_components), ("decode", n_components, n_features))
    for method, n_in, n_out in steps:
        where = f"module.{method} of {name}"
        given = torch.zeros((2, n_in), dtype=torch.float32)
        try:
            with torch.no_grad():
                found = getattr(network, method)(given)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f"{where} fails on a batch of shape (2, {n_in}): {error}"
            ) from error
        if isinstance(found, Tensor) and found.dtype != torch.float32:
            raise ValueError(
                f"{where} maps torch.float32 to {found.dtype}, but has to keep it."
            )
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found)
        if shape != (2, n_out):
            raise ValueError(
                f"{where} maps a batch of shape (2, {n_in}) to {shape}, but "
                f"(2, {n_out}) is needed, with n_features={n_features} and "
                f"n_components={n_components}."
            )
    network.train(was_training)
