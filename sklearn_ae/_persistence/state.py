"""A fitted estimator as a document and arrays, and back with every part checked."""

from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import ModuleDict

from sklearn_ae._data import Imputer, LinearStart
from sklearn_ae._fit import Fit
from sklearn_ae._model import (
    Architecture,
    Autoencoder,
    Codec,
    GaussNewton,
    build_autoencoder,
    training_mode,
)
from sklearn_ae._persistence.header import ARCHITECTURE, NUMBERS, Document, decode
from sklearn_ae._training import finished_net

Arrays = dict[str, NDArray[np.float64]]

# Axes of the arrays beside those of the module; equal names are equal sizes.
SHAPES = {
    "contributions": ("codes", "features"),
    "explained_variance": ("codes",),
    "start.mean": ("features",),
    "start.column_scale": ("features",),
    "start.components": ("components", "features"),
    "start.code_scale": ("components",),
    "start.residual_scale": ("features",),
    "start.subspace": ("directions", "features"),
    "imputer.mean": ("features",),
    "imputer.scale": ("features",),
    "imputer.loadings": ("features", "factors"),
}


def take_apart(fit: Fit) -> tuple[Document, Arrays]:
    """Return what is to be saved of a fit: sections of the document, and arrays."""
    weights = ModuleDict({"module": fit.net.module_}).state_dict()
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    numbers = {}
    parts = {"": fit, "start.": fit.start, "imputer.": fit.start.imputer}
    for prefix, part in parts.items():
        for name, value in vars(part).items():
            if isinstance(value, np.ndarray):
                arrays[prefix + name] = value
            elif name in NUMBERS:
                numbers[name] = float(value)
    if not fit.architecture.is_built_in:
        raise TypeError("A network of your own cannot be saved without pickle.")
    document = {
        "architecture": {n: getattr(fit.architecture, n) for n in ARCHITECTURE},
        "numbers": numbers,
        "is_validated": fit.is_validated,
        "is_refitted": fit.net.is_refitted,
    }
    _check_finite(arrays)
    # safetensors would write the memory as it is, whatever its order.
    return document, {n: np.array(a, np.float64, order="C") for n, a in arrays.items()}


def put_together(document: Document, arrays: Arrays) -> Fit:
    """Return what a fit has found, from a checked document and unchecked arrays."""
    described = dict(document["architecture"])
    described["hidden_layer_sizes"] = tuple(described["hidden_layer_sizes"])
    architecture = Architecture(**described)
    _check_finite(arrays)
    _check_shapes(arrays, architecture, document["n_features_in_"])

    def stored(part: Any, prefix: str) -> dict[str, Any]:
        """Return what is known of a dataclass; an array that is not there was None."""
        names, numbers = [field.name for field in fields(part)], document["numbers"]
        found = {n: arrays.get(prefix + n) for n in names if prefix + n in SHAPES}
        return {n: float(numbers[n]) for n in names if n in NUMBERS} | found

    imputer = Imputer(**stored(Imputer, "imputer."))
    start = LinearStart(**stored(LinearStart, "start."), imputer=imputer)
    # The numbers of a file that was tampered with may overflow.
    with training_mode(), np.errstate(all="ignore"):
        module = _load_module(start, architecture, arrays)
        code_scale = 1.0 if architecture.whiten else start.scale
        codec = Codec(module, start.mean, start.scale, code_scale, imputer)
        net = finished_net(module)
    net.is_refitted = document["is_refitted"]
    net.history.extend(_history(document))
    found = {**stored(Fit, ""), "is_validated": document["is_validated"]}
    return Fit(architecture, net, start, codec, **found)


def _check_finite(arrays: Arrays) -> None:
    """Raise if there is anything that no fit comes to."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"The array {name!r} has entries that are not finite.")


def _check_shapes(arrays: Arrays, architecture: Architecture, n_features: int) -> None:
    """Raise unless the arrays fit together, and the layers are not beyond the file."""
    n_codes, n_inputs = architecture.n_components, n_features
    sizes: dict[str, Any] = {"codes": n_codes, "features": n_features}
    for name, axes in SHAPES.items():
        if name not in arrays:
            if name == "start.subspace":
                continue
            raise ValueError(f"It lacks the array {name!r}.")
        shape = arrays[name].shape
        for axis, size in zip(axes, shape, strict=False):
            sizes.setdefault(axis, max(size, 1))
        wanted = tuple(sizes.get(axis, axis) for axis in axes)
        if shape != wanted:
            raise ValueError(f"Its array {name!r} has the shape {shape}, not {wanted}.")
    if architecture.init == "pca":
        n_inputs = sizes.get("directions", n_features)
    hidden = architecture.hidden_layer_sizes
    pairs = pairwise((n_inputs, *hidden, n_codes))
    needed = n_codes**2 + 2 * sum(n_in * n_out for n_in, n_out in pairs)
    found = sum(array.size for array in arrays.values())
    if needed > found:
        layers = f"hidden_layer_sizes={hidden!s:.80}"
        raise ValueError(f"Its {layers} take {needed} weights, but it has {found}.")


def _history(document: Document) -> list[dict[str, Any]]:
    """Return the history of the net, one dict an epoch."""
    history: list[dict[str, Any]] = decode(document["history"])
    wanted = {"batches": list, "train_loss": float, "valid_loss": float}
    if not document["is_validated"]:
        del wanted["valid_loss"]
    for row in history:
        for name, kind in wanted.items():
            if not (isinstance(row, dict) and isinstance(row.get(name), kind)):
                raise ValueError(f"Its history is damaged: an epoch has no {name}.")
    return history


def _load_module(
    start: LinearStart, architecture: Architecture, arrays: Arrays
) -> Autoencoder:
    """Build the module as for a fit and give it the weights."""
    module = build_autoencoder(start, architecture, seed=0).double().eval()
    if "module.steps.metric" in arrays and module.has_free_decoder:
        metric = torch.eye(architecture.n_components, dtype=torch.float64)
        module.steps = GaussNewton(metric, 0.0, architecture.n_steps)
    weights = {n: torch.tensor(a) for n, a in arrays.items() if n not in SHAPES}
    try:
        ModuleDict({"module": module}).load_state_dict(weights)
    except (RuntimeError, IndexError) as error:
        text = " ".join(str(error).split())
        raise ValueError(f"Its architecture asks for other arrays: {text}") from error
    return module
