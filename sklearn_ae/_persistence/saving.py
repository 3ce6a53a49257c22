"""A fitted estimator as a document and arrays, and back with every part checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_ae._data.imputation import Filler
from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._fit.fitting import Fit
from sklearn_ae._fit.trainer import Architecture, Trainer
from sklearn_ae._model.code_basis import CodeBasis
from sklearn_ae._model.gauss_newton import Projection
from sklearn_ae._model.inference import Codec, as_tensor
from sklearn_ae._model.threads import training_mode
from sklearn_ae._persistence.document import (
    FORMAT,
    NET,
    Document,
    decode_history,
    encode,
    encode_named,
)
from sklearn_ae._training.net import Net, TrainingOptions
from sklearn_ae._training.objective import has_free_layers
from sklearn_ae._training.rows import Rows

Arrays = dict[str, NDArray[np.float64]]

NUMBERS_OF_FIT = ("score", "pca_score", "loss", "shrinkage", "loss_unit")
# A net that is loaded is not trained; a fit that goes on builds another.
NO_TRAINING = TrainingOptions(
    learning_rate_init=1.0,
    alpha=0.0,
    loss="squared_error",
    noise=None,
    code_penalty=0.0,
    nested_dropout=0.0,
    batch_size=1,
    max_iter=1,
    n_iter_no_change=1,
    tol=0.0,
    verbose=0,
    device="cpu",
    callbacks=(),
)


def take_apart(model: Any) -> tuple[Document, Arrays]:
    """Return what there is to know about a fitted estimator.

    The arrays of the linear start are named `start.*`, those of its filler `filler.*`,
    those of the module `module.*`.
    """
    fit: Fit = model._fit_result
    arrays = {"contributions": fit.contributions}
    arrays["explained_variance"] = fit.basis.explained_variance
    for kind, source in (("start", fit.start), ("filler", fit.start.filler)):
        for name, part in vars(source).items():
            if isinstance(part, np.ndarray):
                arrays[f"{kind}.{name}"] = part
    for name, tensor in fit.net.module_.state_dict().items():
        arrays[f"module.{name}"] = tensor.numpy()
    _check_finite(arrays)
    names = getattr(model, "feature_names_in_", None)
    document = {
        "format": FORMAT,
        "estimator": type(model).__name__,
        "parameters": {
            name: encode_named(f"{name}={value!r}", value)
            for name, value in model.get_params(deep=False).items()
        },
        "output": getattr(model, "_sklearn_output_config", {}).get("transform"),
        "n_features_in_": int(model.n_features_in_),
        "feature_names_in_": None if names is None else [str(name) for name in names],
        "architecture": _architecture(fit.architecture),
        "numbers": {name: encode(value) for name, value in _numbers(model).items()},
        "net": {name: encode(getattr(fit.net, name)) for name in NET},
        "history": encode_named(
            "The history of net_", [dict(e) for e in fit.net.history]
        ),
        "is_validated": fit.is_validated,
    }
    # safetensors would write the memory as it is, whatever its order.
    return document, {
        name: np.array(part, np.float64, order="C") for name, part in arrays.items()
    }


def _architecture(architecture: Architecture) -> Document:
    """Return what makes the network; only the built-in one gets here."""
    document = asdict(architecture)
    del document["module"], document["module_parameters"]
    return document


def _numbers(model: Any) -> dict[str, float]:
    """Return the fitted numbers."""
    fit: Fit = model._fit_result
    return {
        "scale": fit.start.scale,
        "total_variance": fit.start.total_variance,
        "n_samples": fit.start.n_samples,
        "noise": fit.start.filler.noise,
        "code_scale": fit.codec.code_scale,
        **{name: getattr(fit, name) for name in NUMBERS_OF_FIT},
    }


def put_together(model: Any, document: Document, arrays: Arrays) -> None:
    """Set the fitted attributes of an estimator to what a checked document says."""
    model.__dict__.update(model._fitted_attributes(_load_fit(document, arrays)))
    if document["feature_names_in_"] is not None:
        names = np.array(document["feature_names_in_"], dtype=object)
        model.feature_names_in_ = names
    if document["output"] is not None:
        model.set_output(transform=document["output"])


def _load_fit(document: Document, arrays: Arrays) -> Fit:
    """Return what a fit has found, from a checked document and unchecked arrays."""
    sizes = tuple(document["architecture"]["hidden_layer_sizes"])
    settings = {**document["architecture"], "hidden_layer_sizes": sizes}
    architecture = Architecture(**settings)
    numbers = {name: float(value) for name, value in document["numbers"].items()}
    _check_finite(arrays)
    shapes = _shapes(arrays, architecture, document["n_features_in_"])
    _check_shapes(arrays, shapes)
    _check_layers(arrays, architecture)
    start = _load_start(numbers, arrays)
    # The numbers of a file that was tampered with may overflow.
    with training_mode(), np.errstate(all="ignore"):
        net = _load_net(start, architecture, arrays, shapes)
        code_scale = numbers["code_scale"]
        codec = Codec(net.module_, start.mean, start.scale, code_scale, start.filler)
    for name in NET:
        setattr(net, name, document["net"][name])
    net.history.extend(decode_history(document))
    return Fit(
        architecture=architecture,
        net=net,
        start=start,
        codec=codec,
        basis=CodeBasis(
            mean=net.module_.code_mean.numpy(),
            matrix=net.module_.basis.numpy(),
            inverse=net.module_.inverse_basis.numpy(),
            explained_variance=arrays["explained_variance"],
        ),
        contributions=arrays["contributions"],
        is_validated=document["is_validated"],
        **{name: numbers[name] for name in NUMBERS_OF_FIT},
    )


def _load_start(numbers: dict[str, float], arrays: Arrays) -> LinearStart:
    """Return the linear start; an array that is not there was None."""
    parts: dict[str, Any] = {
        field.name: arrays.get(f"start.{field.name}") for field in fields(LinearStart)
    }
    names = ("scale", "total_variance", "n_samples")
    parts |= {name: numbers[name] for name in names}
    kept = {name: arrays[f"filler.{name}"] for name in ("mean", "scale", "loadings")}
    parts["filler"] = Filler(noise=numbers["noise"], **kept)
    return LinearStart(**parts)


def _load_net(
    start: LinearStart,
    architecture: Architecture,
    arrays: Arrays,
    shapes: Mapping[str, tuple[int, ...]],
) -> Net:
    """Build the net as for a fit and give its module the weights.

    Parameters
    ----------
    shapes : mapping from str to tuple of int
        The arrays that have been checked already.
    """
    rows = Rows(torch.zeros(1, len(start.mean), dtype=torch.float32))
    net = Trainer(start, architecture, NO_TRAINING, rows, seed=0).leave()
    module = net.module_.double()
    if "module.projection.metric" in arrays and has_free_layers(module):
        metric = torch.eye(architecture.n_components, dtype=torch.float64)
        module.projection = Projection(metric, 0.0, architecture.n_steps)
    state = module.state_dict()
    shapes_of_module = {f"module.{n}": tuple(part.shape) for n, part in state.items()}
    _check_shapes(arrays, shapes_of_module)
    unknown = sorted(arrays.keys() - shapes_of_module.keys() - shapes.keys())
    if unknown:
        raise ValueError(f"It has arrays of unknown use: {str(unknown)[:200]}.")
    module.load_state_dict(
        {name: as_tensor(arrays[f"module.{name}"], torch.float64) for name in state}
    )
    return net


def _shapes(
    arrays: Arrays, architecture: Architecture, n_features: int
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays other than the weights."""
    n_codes = architecture.n_components
    # A code may be wider than PCA can be; the module's arrays settle whether it is.
    n_directions = len(np.atleast_1d(arrays.get("start.components", 0)))
    n_factors = np.atleast_2d(arrays.get("filler.loadings", 0)).shape[1]
    shapes: dict[str, tuple[int, ...]] = {
        "contributions": (n_codes, n_features),
        "explained_variance": (n_codes,),
        "module.code_mean": (n_codes,),
        "module.basis": (n_codes, n_codes),
        "module.inverse_basis": (n_codes, n_codes),
        "start.mean": (n_features,),
        "start.column_scale": (n_features,),
        "start.components": (n_directions, n_features),
        "start.code_scale": (n_directions,),
        "start.residual_scale": (n_features,),
        "filler.mean": (n_features,),
        "filler.scale": (n_features,),
        "filler.loadings": (n_features, n_factors),
    }
    if "start.subspace" in arrays:
        n_directions = len(np.atleast_1d(arrays["start.subspace"]))
        shapes["start.subspace"] = (n_directions, n_features)
    return shapes


def _check_shapes(arrays: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise unless there are these arrays; none of them may be empty."""
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"It lacks the array {name!r}.")
        if arrays[name].shape != shape or arrays[name].size == 0:
            raise ValueError(
                f"Its array {name!r} has the shape {arrays[name].shape}, but the "
                f"architecture asks for {shape}."
            )


def _check_layers(arrays: Arrays, architecture: Architecture) -> None:
    """Raise before layers are built that are larger than the file."""
    n_inputs = len(arrays["start.mean"])
    if architecture.init == "pca" and "start.subspace" in arrays:
        n_inputs = len(arrays["start.subspace"])
    sizes = (n_inputs, *architecture.hidden_layer_sizes, architecture.n_components)
    needed = 2 * sum(n_in * n_out for n_in, n_out in pairwise(sizes))
    found = sum(array.size for array in arrays.values())
    if needed > found:
        raise ValueError(
            f"Its hidden_layer_sizes={str(sizes[1:-1])[:80]} take {needed} weights, "
            f"but all its arrays together have {found} entries."
        )


def _check_finite(arrays: Arrays) -> None:
    """Raise if there is anything that no fit comes to."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"The array {name!r} has entries that are not finite.")
