"""Arrays of other libraries, such as tensors, where scikit-learn's dispatch is on."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.utils import _array_api  # private names, used under dispatch alone

from sklearn_ae._data.resident import ResidentRows, is_resident
from sklearn_ae._data.stored import is_stored
from sklearn_ae._data.table import VALUES_PER_BLOCK


class Place(NamedTuple):
    """Where an array is: the array API namespace of its library, and its device."""

    namespace: Any
    device: Any


def place_of(X: Any) -> Place | None:
    """Return where an array is; None for NumPy's, for what is none, and undispatched.

    What is read in blocks stays where it is.
    """
    if isinstance(X, np.ndarray) or not get_config()["array_api_dispatch"]:
        return None
    if is_stored(X):
        return None
    try:
        namespace, is_array = _array_api.get_namespace(X)
    except TypeError:  # of what is no array
        return None
    if not is_array or _array_api._is_numpy_namespace(namespace):
        return None
    return Place(namespace, _array_api.device(X))


def as_numpy(X: Any) -> Any:
    """Return an array of another library as NumPy's, and all else as it is."""
    place = place_of(X)
    return X if place is None else _array_api._convert_to_numpy(X, place.namespace)


def where_it_is(X: Any, n_features: int | None = None) -> Any:
    """Return a large table on a GPU as resident rows, and others as NumPy's arrays.

    It has the columns of X, or so many. Only complete and finite floats stay, and more
    than a block of them: all else gives the bits of NumPy's arrays.
    """
    place = place_of(X)
    if place is None:
        return X
    if place.namespace.__name__.endswith("torch") and X.ndim == 2:
        n_values = len(X) * (n_features or X.shape[1])
        stays = is_resident(X) and n_values > VALUES_PER_BLOCK and len(X) > 1
        is_float = X.is_floating_point() and X.itemsize in (4, 8)
        if stays and is_float and not X.requires_grad and math.isfinite(X.sum()):
            return ResidentRows(X)
    return as_numpy(X)


def placed_like(X: Any, array: NDArray) -> Any:
    """Return an array of NumPy's where another one is."""
    place = place_of(X)
    if place is None:
        return array
    largest = _array_api._max_precision_float_dtype(*place)
    if array.dtype == np.float64 and largest == place.namespace.float32:
        array = array.astype(np.float32)
    return place.namespace.asarray(array, device=place.device)


def attributes_like(X: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with the fitted arrays of numbers where X is."""
    if place_of(X) is None:
        return dict(attributes)
    return {
        name: placed_like(X, value)
        if name[-1] == "_" and isinstance(value, np.ndarray) and value.dtype.kind == "f"
        else value
        for name, value in attributes.items()
    }


def portable(value: Any) -> Any:
    """Return a tensor on a GPU as an array, and all else as it is."""
    kind = getattr(getattr(value, "device", "cpu"), "type", "cpu")
    return value if kind == "cpu" else value.cpu().numpy()


def check_same_place(estimator: Any, X: Any, method: str) -> None:
    """Raise where fitted arrays are another library's, or elsewhere, than X.

    Those of NumPy, such as a loaded estimator has, go with any X.
    """
    fitted = place_of(estimator.mean_)
    if fitted is None or fitted == place_of(X):
        return
    raise ValueError(
        f"Inputs passed to {type(estimator).__name__}.{method}() must use the same "
        f"namespace and the same device as those passed to fit(), which are "
        f"{fitted.namespace.__name__} and {fitted.device}. Convert X, or call it with "
        "array_api_dispatch=False."
    )
