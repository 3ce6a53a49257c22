"""Networks of users in a graph, through torch's own export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor, nn

from sklearn_ae._model import Gated
from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae.networks import FullyConnected


def with_exported_network(graph: Graph, module: Any, n_features: int) -> Any:
    """Let a module take symbols, whatever its network; the module is changed."""
    if type(module.network) is not FullyConnected:
        widths = {"encode": n_features, "decode": len(module.code_mean)}
        module.network = ExportedNetwork(graph, module.network, widths)
    return module


# torch's export, warnings and loggers are the whole process's.
LOCK = Lock()


class _Method(nn.Module):
    """One method of a network as its forward."""

    def __init__(self, network: Any, name: str) -> None:
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, x: Tensor) -> Any:
        return getattr(self.network, self.name)(x)


class ExportedNetwork(nn.Module):
    """A network whose methods add the nodes of its export to a graph.

    Parameters
    ----------
    graph : Graph
    network : torch.nn.Module
        With `encode` and `decode`, in evaluation mode.
    widths : dict
        Numbers of columns that the methods are given.
    """

    def __init__(self, graph: Graph, network: Any, widths: dict[str, int]) -> None:
        super().__init__()
        self.graph = graph
        self.network = network.float()
        self.widths = widths

    def encode(self, x: Symbol) -> Symbol:
        """Map rows to codes."""
        return self._added("encode", x)

    def decode(self, code: Symbol) -> Symbol:
        """Map codes to rows."""
        return self._added("decode", code)

    def _added(self, name: str, inputs: Symbol) -> Symbol:
        """Export a method, and add its nodes."""
        given = torch.zeros((2, self.widths[name]), dtype=torch.float32)
        given_by_user = self.network
        if isinstance(given_by_user, Gated):
            given_by_user = given_by_user.network
        what = f"module.{name} of {type(given_by_user).__name__}"
        method = _Method(self.network, name).eval()
        model = _exported(method, given, self.graph.opset, what)
        # In float32, as runtimes lack much of what networks need in float64.
        (found,) = self.graph.include(model, inputs.cast(torch.float32))
        return found.cast(inputs.dtype)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep torch from telling which other packages it could export."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _exported(module: nn.Module, given: Tensor, opset: int, what: str) -> ModelProto:
    """Return what torch makes of a module, for any number of rows."""
    rows = torch.export.Dim("rows", min=1)
    with LOCK, warnings.catch_warnings(), _silent():
        # torch warns of its own use of what it deprecates.
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                module,
                (given,),
                dynamo=True,
                opset_version=opset,
                dynamic_shapes={"x": {0: rows}},
                external_data=False,
                verbose=False,
            )
        except Exception as error:  # torch's are of many kinds
            raise NotImplementedError(
                f"{what} cannot be exported to ONNX by torch: {error}"
            ) from error
    assert program is not None  # as dynamo=True
    model: ModelProto = program.model_proto
    return model
