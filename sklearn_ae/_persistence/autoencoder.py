"""A fit of the autoencoder as settings and arrays, and back with every part checked."""

import sys
from dataclasses import fields
from inspect import signature
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import (
    Interval,
    Options,
    validate_parameter_constraints,
)
from torch.nn import ModuleDict

from sklearn_ae._data import Imputer, LinearStart
from sklearn_ae._fit import PARAMETER_CONSTRAINTS, Fit
from sklearn_ae._model import (
    Architecture,
    Autoencoder,
    Codec,
    GaussNewton,
    build_autoencoder,
    build_network,
    training_mode,
)
from sklearn_ae._persistence.values import TYPES, Kind, need
from sklearn_ae._training import finished_net
from sklearn_ae.networks import NETWORKS

Arrays = dict[str, NDArray[np.float64]]
Document = dict[str, Any]

COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, sys.float_info.max, closed="right")
FINITE = Interval(Real, -sys.float_info.max, sys.float_info.max, closed="both")

# What is kept of a fit, in the form of scikit-learn's parameter constraints.
DOCUMENT = {
    "architecture": [dict],
    "numbers": [dict],
    "history": [list],
    "is_validated": ["boolean"],
    "is_refitted": ["boolean"],
    "arrays": [dict],
}
# Names and values of the estimator's parameters, apart from the first.
SHARED = ("activation", "code_activation", "output_activation", "init", "whiten")
ARCHITECTURE = {name: PARAMETER_CONSTRAINTS[name] for name in SHARED} | {
    "n_components": [COUNT],
    "hidden_layer_sizes": [tuple],
    "sparse": ["boolean"],
    "n_steps": [Interval(Integral, 0, None, closed="left")],
}
TYPES.update(NETWORKS)
# Of another network than the built-in one.
NETWORK = {"module": [Options(type, {*NETWORKS.values()})], "module_parameters": [dict]}
ABOVE_ZERO = {"scale", "n_samples", "noise"}
NUMBERS = {
    name: [POSITIVE if name in ABOVE_ZERO else FINITE]
    for part in (LinearStart, Imputer, Fit)
    for name, kind in get_type_hints(part).items()
    if kind is float
}

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


def take_apart(fit: Fit) -> Any:
    """Return what is to be saved of a fit: settings, numbers and arrays."""
    entries = ARCHITECTURE if fit.architecture.is_built_in else ARCHITECTURE | NETWORK
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
    document = {
        "architecture": {n: getattr(fit.architecture, n) for n in entries},
        "numbers": numbers,
        "history": [dict(epoch) for epoch in fit.net.history],
        "is_validated": fit.is_validated,
        "is_refitted": fit.net.is_refitted,
        "arrays": {n: np.array(a, np.float64, order="C") for n, a in arrays.items()},
    }
    return _checked(document)


def put_together(document: Document) -> Fit:
    """Return what a fit has found."""
    arrays, architecture = _checked(document)["arrays"], document["architecture"]
    architecture = Architecture(**architecture)
    _check_shapes(arrays, architecture)

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
    net.history.extend(document["history"])
    found = {**stored(Fit, ""), "is_validated": document["is_validated"]}
    return Fit(architecture, net, start, codec, **found)


FITS = {"sklearn_ae.Fit": Kind(take_apart, put_together)}


def _checked(document: Document) -> Document:
    """Return what is written or read if every part has the right kind and range."""
    _check_section("its entries", document, DOCUMENT)
    of_network = document["architecture"]
    entries = ARCHITECTURE | NETWORK if "module" in of_network else ARCHITECTURE
    _check_section("its architecture", of_network, entries)
    _check_section("its numbers", document["numbers"], NUMBERS)
    sizes = of_network["hidden_layer_sizes"]
    if not all(COUNT.is_satisfied_by(size) for size in sizes):
        raise ValueError(f"Its hidden_layer_sizes={sizes!s:.80} are not all counts.")
    wanted = {"batches": list, "train_loss": float, "valid_loss": float}
    if not document["is_validated"]:
        del wanted["valid_loss"]
    for row in document["history"]:
        for name, kind in wanted.items():
            if not (isinstance(row, dict) and isinstance(row.get(name), kind)):
                raise ValueError(f"Its history is damaged: an epoch has no {name}.")
    for name, array in document["arrays"].items():
        if not (isinstance(array, np.ndarray) and array.dtype == np.float64):
            raise ValueError(f"Its array {name!r:.80} is none of float64.")
        if not np.isfinite(array).all():
            raise ValueError(f"The array {name!r} has entries that are not finite.")
    return document


def _check_section(name: str, section: Document, constraints: Document) -> None:
    """Raise unless a dict has these entries and no others, all of them valid."""
    different = sorted(section.keys() ^ constraints.keys())
    if different:
        text = f"{name.capitalize()} lack, or should not have, {different!s:.200}."
        raise ValueError(text)
    validate_parameter_constraints(constraints, section, caller_name=name)


def _check_shapes(arrays: Arrays, architecture: Architecture) -> None:
    """Raise unless the arrays fit together, and the layers are not beyond the file."""
    n_codes = architecture.n_components
    sizes: dict[str, Any] = {"codes": n_codes}
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
    n_inputs = sizes["features"]
    if architecture.init == "pca":
        n_inputs = sizes.get("directions", n_inputs)
    _check_sizes(architecture, n_inputs, arrays)


def _check_sizes(architecture: Architecture, n_inputs: int, arrays: Arrays) -> None:
    """Raise unless a network that takes such parameters may be in these arrays."""
    found = sum(array.size for array in arrays.values())
    has_layers = "hidden_layer_sizes" in signature(architecture.module).parameters
    given = {
        "n_features": n_inputs,
        "n_components": architecture.n_components,
        "hidden_layer_sizes": architecture.hidden_layer_sizes if has_layers else (),
        **architecture.module_parameters,
    }
    for name, value in given.items():
        is_one = value is None or isinstance(value, str | Real)
        sizes = [value] if is_one else list(value)
        are_sizes = is_one or all(map(COUNT.is_satisfied_by, sizes))
        label = f"module__{name}" if name in architecture.module_parameters else name
        need(are_sizes, f"Its {label}={value!s:.80} is")
        if name in ("beta", "variance", "n_annealing_steps"):  # no sizes
            continue
        # No size is beyond the number of weights, and each layer has its own arrays.
        most = len(arrays) if name == "num_layers" else found
        for size in sizes:
            if isinstance(size, Real) and not size <= most:
                raise ValueError(f"Its {label}={value!s:.80} is above {most}.")
        if len(sizes) > len(arrays):
            raise ValueError(f"Its {label} has more sizes than it has arrays.")
    if not has_layers:
        return
    hidden = given["hidden_layer_sizes"]
    pairs = pairwise((given["n_features"], *hidden, given["n_components"]))
    needed = given["n_components"] ** 2 + 2 * sum(n_in * n_out for n_in, n_out in pairs)
    if needed > found:
        layers = f"hidden_layer_sizes={hidden!s:.80}"
        raise ValueError(f"Its {layers} take {needed} weights, but it has {found}.")


def _load_module(
    start: LinearStart, architecture: Architecture, arrays: Arrays
) -> Autoencoder:
    """Build the module as for a fit and give it the weights."""
    weights = {n: torch.tensor(a) for n, a in arrays.items() if n not in SHAPES}
    try:
        network = _load_network(start, architecture, weights)
        module = build_autoencoder(start, architecture, 0, network).double().eval()
        if "module.steps.metric" in arrays and module.has_free_decoder:
            metric = torch.eye(architecture.n_components, dtype=torch.float64)
            module.steps = GaussNewton(metric, 0.0, architecture.n_steps)
        ModuleDict({"module": module}).load_state_dict(weights)
    except (RuntimeError, IndexError) as error:
        text = " ".join(str(error).split())
        raise ValueError(f"Its architecture asks for other arrays: {text}") from error
    return module.requires_grad_(False)  # as after a fit, where kernels may be others


def _load_network(
    start: LinearStart, architecture: Architecture, weights: dict[str, torch.Tensor]
) -> Any:
    """Return another network than the built-in one; names and shapes come first."""
    if architecture.is_built_in:
        return None
    n_features, n_codes = len(start.mean), architecture.n_components
    # Some weights are drawn all the same.
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        network = build_network(n_features, architecture, 0).to("meta")
        code = network.encode(torch.empty(2, n_features))
        sizes = *code.shape, *network.decode(code).shape
    need(sizes == (2, n_codes, 2, n_features), "Its list of sizes of the network is")
    prefix = "module.network." + "network." * (architecture.init == "pca")
    own = {
        n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)
    }
    network.load_state_dict(own, assign=True)
    return network
