"""A fitted autoencoder as nodes of a graph: codes, reconstructions, scores."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch

from sklearn_ae._model import FusedModule, is_fused
from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.imputation import imputed
from sklearn_ae._onnx.network import with_exported_network
from sklearn_ae._onnx.operators import Inputs, Width, as_rows

# Outputs of a graph, with their numbers of columns.
WIDTHS: dict[str, Width] = {
    "codes": lambda model: model.n_components_,
    "reconstruction": lambda model: model.n_features_in_,
    "score_samples": lambda model: 1,
}


def write_autoencoder(graph: Graph, model: Any, inputs: Inputs) -> dict[str, Symbol]:
    """Write what `AutoencoderTransformer.transform` does, and more if asked for."""
    codec = GraphCodec(graph, model._fit_result.codec)
    return codec.outputs(as_rows(graph, inputs))


class GraphCodec:
    """The codec of a fit, whose arrays are symbols of a graph.

    Parameters
    ----------
    graph : Graph
    codec : Codec
    """

    def __init__(self, graph: Graph, codec: Any) -> None:
        self.graph = graph
        self.codec = codec
        dtype = np.dtype(graph.library)
        self.mean, self.rest = codec.mean[dtype], codec.rest[dtype]
        self.module: Any = codec.modules[dtype]
        if is_fused(self.module):
            exact = codec.modules[np.dtype(np.float64)]
            self.module = FusedModule(exact, lambda tensor: tensor.detach())
        else:
            self.module = with_exported_network(
                graph, deepcopy(self.module), len(self.mean)
            )

    def scaled(self, X: Symbol) -> Symbol:
        """Centre and scale rows."""
        x = X - self.mean
        if np.any(self.rest):
            x = x - self.rest
        return x / self.codec.scale

    def encode(self, X: Symbol) -> Symbol:
        """Return the codes of rows, some of whose cells may be missing."""
        return self._in_units(self._encode(self.scaled(X)))

    def _encode(self, x: Symbol) -> Symbol:
        codes: Symbol = self.module.encode(imputed(self.graph, self.codec.imputer, x))
        return codes

    def _in_units(self, codes: Symbol) -> Symbol:
        unit = self.codec.code_scale
        return codes if unit == 1.0 else codes * unit

    def decode(self, codes: Symbol) -> Symbol:
        """Return the rows of codes."""
        unit = self.codec.code_scale
        return self._rows(self.module.decode(codes if unit == 1.0 else codes / unit))

    def _rows(self, x: Symbol) -> Symbol:
        rows = x * self.codec.scale + self.mean
        is_bounded = self.codec.modules[np.dtype(np.float64)].is_bounded
        return rows.clip(0, 1) if is_bounded else rows

    def outputs(self, X: Symbol) -> dict[str, Symbol]:
        """Return all that may be asked for: codes, reconstruction, score_samples."""
        x = self.scaled(X)
        codes = self._encode(x)
        reconstruction = self.module.decode(codes)
        return {
            "codes": self._in_units(codes),
            "reconstruction": self._rows(reconstruction),
            "score_samples": self._scores(x, reconstruction),
        }

    def _scores(self, x: Symbol, reconstruction: Symbol) -> Symbol:
        """Return minus the squared error of rows, scaled up from the known cells."""
        graph = self.graph.beside(torch.float64)
        x, reconstruction = (
            part.on(graph).cast(torch.float64) for part in (x, reconstruction)
        )
        # In float64, as squares of small numbers vanish in float32.
        missing = x.isnan()
        known = graph.add("Not", missing).numbers()
        errors = (x - reconstruction) * self.codec.scale
        errors = graph.where(missing, np.zeros(()), errors)
        share = known.sum(axis=1, keepdims=True) / float(len(self.mean))
        sums = (errors * errors).sum(axis=1, keepdims=True)
        return graph.add("Neg", sums / share)
