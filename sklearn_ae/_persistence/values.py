"""Values as JSON and arrays, and back; other objects come apart into these first."""

import math
from collections.abc import Callable, Container, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

Arrays = dict[str, NDArray]

# Classes whose subclasses are of the same kind.
FAMILIES = (np.generic, np.dtype, type)
REMEDY = (
    "Change it before the fit, or keep the whole with joblib.dump, or with skops if it "
    "is a step of its own of a Pipeline."
)


class Kind(NamedTuple):
    """What is known of a class, whose instances are written as its name and parts."""

    take: Callable[[Any], Any]  # gives a dict, list or str, or a TypeError
    put: Callable[[Any], Any]  # gives an instance; it checks its parts


def name_of(value: Any) -> str:
    """Return the name of the kind that a value may be of: library and class."""
    families = (family for family in FAMILIES if isinstance(value, family))
    return _name(next(families, type(value)))


def _name(kind: type) -> str:
    library = kind.__module__.partition(".")[0]
    return f"{library}.{kind.__qualname__}".removeprefix("builtins.")


class Encoder:
    """Makes JSON of values, and keeps their arrays, which have the paths as names."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds, self.arrays = kinds, Arrays()

    def encode(self, value: Any, path: str) -> Any:
        """Return what JSON holds of a value: objects of one entry, named by kind."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float and math.isfinite(value):
            return value
        if type(value) is list:
            paths = (f"{path}.{_label(*pair)}" for pair in enumerate(value))
            return [self.encode(*pair) for pair in zip(value, paths, strict=True)]
        if type(value) is np.ndarray and is_raw(value):
            name = f"{path}.{len(self.arrays)}" if path in self.arrays else path
            self.arrays[name] = value
            return {"array": name}
        name, taken = name_of(value), self._taken(value, path)
        if isinstance(taken, dict):
            pairs = taken.items()
            return {name: {n: self.encode(one, f"{path}.{n}") for n, one in pairs}}
        if isinstance(taken, list):
            return {name: [self.encode(one, path) for one in taken]}
        return {name: taken}

    def _taken(self, value: Any, path: str) -> Any:
        """Return the parts of a value; errors have the path."""
        try:
            kind = self.kinds.get(name_of(value))
            return refuse(value, self.kinds) if kind is None else kind.take(value)
        except ValueError:  # of an invalid parameter, which is a TypeError too
            raise
        except TypeError as error:
            text = f"{path} cannot be saved without pickle: {error}"
            raise TypeError(f"{text} {REMEDY}") from error


def _label(index: int, item: Any) -> str:
    """Return what an item of a list is called: a step of a pipeline has a name."""
    is_step = isinstance(item, tuple) and item and isinstance(item[0], str)
    return item[0] if is_step else str(index)


def is_raw(array: NDArray) -> bool:
    """Whether safetensors can hold an array as it is."""
    is_number = array.dtype.kind in "biuf" and array.dtype.itemsize <= 8
    return is_number and array.dtype.isnative and array.flags.c_contiguous


def refuse(value: Any, kinds: Container[str] = ()) -> NoReturn:
    """Say that files cannot hold a value."""
    if type(value).__module__.startswith("sklearn_ae.networks."):
        raise TypeError(
            f"of networks the class can be, {type(value).__name__} with its parameters "
            "as module__name, but no instance."
        )
    if not isinstance(value, BaseEstimator):
        raise TypeError(f"{value!r:.120} is not plain data.")
    names = [one.__name__ for one in type(value).__mro__ if _name(one) in kinds]
    more = f", though it is a subclass of {names[0]}" if names else ""
    if hasattr(value, "best_estimator_"):
        more = "; save its best_estimator_"
    raise TypeError(f"files do not hold the class {type(value).__name__}{more}.")


class Decoder:
    """Makes values of JSON and arrays; ValueError for what `Encoder` does not write."""

    def __init__(self, kinds: Mapping[str, Kind], arrays: Arrays) -> None:
        self.kinds, self.arrays = kinds, arrays

    def decode(self, value: Any) -> Any:
        """Return what was encoded; each array can be had once."""
        match value:
            case None | bool() | int() | float() | str():
                return value
            case list():
                return [self.decode(one) for one in value]
            case {"array": str(name)} if len(value) == 1:
                if name not in self.arrays:
                    raise ValueError(f"It lacks the array {name!r:.80}.")
                return self.arrays.pop(name)
            case dict() if len(value) == 1:
                ((name, taken),) = value.items()
                return self._put(name, taken)
        raise ValueError(f"{value!s:.80} stands for nothing that can be saved.")

    def _put(self, name: str, taken: Any) -> Any:
        if name not in self.kinds:
            raise ValueError(f"It holds the unknown {name!r:.80}.")
        if isinstance(taken, dict):
            parts: Any = {name: self.decode(one) for name, one in taken.items()}
        else:
            parts = self.decode(taken)
        try:
            return self.kinds[name].put(parts)
        except (ValueError, ImportError, MemoryError):
            raise
        except Exception as error:  # whatever it is, it is due to the file
            raise ValueError(f"Its {name} is damaged ({error!r:.200}).") from error


def need(is_met: Any, what: str) -> None:
    """Raise unless a condition of a file is met."""
    if not is_met:
        raise ValueError(f"{what} damaged.")


def put_tuple(parts: list[Any]) -> tuple[Any, ...]:
    need(isinstance(parts, list), "A sequence is")
    return tuple(parts)


def _take_dict(value: dict[Any, Any]) -> Any:
    has_names = all(type(key) is str for key in value)
    return value if has_names else [list(pair) for pair in value.items()]


def _take_array(array: NDArray) -> Any:
    """Return what an array is a view of; the order of its axes in memory is kept."""
    kind = array.dtype.kind
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if kind == "O":
        return ["objects", list(array.shape), array.ravel().tolist()]
    if kind in "mMUS" and array.dtype.itemsize:
        unit = {"U": np.uint32, "S": np.uint8}.get(kind, np.int64)
        whole = np.ascontiguousarray(array).reshape(*array.shape, 1)
        return ["view", array.dtype, whole.view(unit)]
    if kind not in "biuf" or array.dtype.itemsize > 8:
        refuse(array)
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    return ["axes", axes, np.ascontiguousarray(array.transpose(axes))]


def _put_array(parts: list[Any]) -> NDArray:
    match parts:
        case "objects", list(shape), list(values):
            are_sizes = all(type(size) is int for size in shape)
            is_whole = are_sizes and math.prod(shape) == len(values)
            need(is_whole, "The shape of objects is")
            array = np.empty(len(values), dtype=object)
            for i, value in enumerate(values):
                array[i] = value
            return array.reshape(shape)
        case "view", np.dtype() as dtype, np.ndarray() as whole:
            units = {"U": np.uint32, "S": np.uint8, "m": np.int64, "M": np.int64}
            need(whole.dtype == units.get(dtype.kind), "An array of text or times is")
            need(whole.shape[-1] * whole.itemsize == dtype.itemsize, "Its width is")
            in_range = dtype.kind != "U" or bool((whole <= 0x10FFFF).all())
            need(in_range, "An array of text is")
            return whole.view(dtype)[..., 0]
        case "axes", list(axes), np.ndarray() as whole:
            return whole.transpose(np.argsort(axes))
    raise TypeError("It is no array.")


def _take_scalar(value: np.generic) -> Any:
    kind, dtype = value.dtype.kind, value.dtype
    if kind in "mM":
        return [dtype, int(value.astype(np.int64))]
    is_plain = kind in "biuf" and dtype.itemsize <= 8
    return [dtype, value.item()] if is_plain or kind in "US" else refuse(value)


def _put_scalar(parts: list[Any]) -> np.generic:
    dtype, value = parts
    if dtype.kind in "US":
        return np.str_(value + "") if dtype.kind == "U" else np.bytes_(value + b"")
    need(dtype.kind in "biufmM" and isinstance(value, int | float), "A number is")
    if dtype.kind in "mM":
        return np.int64(value).view(dtype)
    return dtype.type(value)


def _is_narrow(dtype: np.dtype) -> bool:
    """Whether a text is of at most a million bytes; a short file may claim any."""
    return dtype.itemsize <= 2**20


def _put_dtype(text: str) -> np.dtype:
    need(type(text) is str and len(text) < 40, "A dtype is")
    dtype = np.dtype(text)
    is_known = dtype.kind in "biufmMOUS" and dtype.str == text
    need(is_known and _is_narrow(dtype), "A dtype is")
    return dtype


SCALARS = (int, float, str, np.generic)
TYPES = {
    f"{kind.__module__}.{kind.__name__}": kind
    for kind in (bool, int, float, str, object, *vars(np).values())
    if kind is object or (isinstance(kind, type) and issubclass(kind, SCALARS))
}


def _take_type(kind: type) -> Any:
    names = [name for name, known in TYPES.items() if known is kind]
    return names[0] if names else refuse(kind)


def _take_generator(generator: np.random.RandomState) -> Any:
    state = generator.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        refuse(generator)
    inner = state["state"]
    return [inner["key"], inner["pos"], state["has_gauss"], state["gauss"]]


def _put_generator(parts: list[Any]) -> np.random.RandomState:
    """Return a generator in this state, which NumPy itself would hardly check."""
    key, position, has_gauss, gauss = parts
    within = 0 <= position <= 624 and has_gauss in (0, 1) and math.isfinite(gauss)
    is_key = key.dtype == np.uint32 and key.shape == (624,)
    need(is_key and within, "The state of a RandomState is")
    generator = np.random.RandomState(0)
    generator.set_state(("MT19937", key, position, has_gauss, gauss))
    return generator


def _take_datetime(value: datetime) -> Any:
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    text = value.replace(tzinfo=None if zone else value.tzinfo).isoformat()
    # Other zones than those of zoneinfo and fixed ones would be lost.
    is_kept = zone or datetime.fromisoformat(text).tzinfo == value.tzinfo
    return [text, zone, value.fold] if is_kept else refuse(value)


def _put_datetime(parts: list[Any]) -> datetime:
    text, zone, fold = parts
    value = datetime.fromisoformat(text).replace(fold=fold)
    return value if zone is None else value.replace(tzinfo=ZoneInfo(zone))


def _put_float(text: str) -> float:
    need(text in ("inf", "-inf", "nan"), "A number is")
    return float(text)


PLAIN = {
    "float": Kind(repr, _put_float),
    "tuple": Kind(list, put_tuple),
    "dict": Kind(_take_dict, dict),
    "slice": Kind(
        lambda value: [value.start, value.stop, value.step],
        lambda parts: slice(*put_tuple(parts)),
    ),
    "type": Kind(_take_type, TYPES.__getitem__),
    "bytes": Kind(bytes.hex, bytes.fromhex),
    "numpy.ndarray": Kind(_take_array, _put_array),
    "numpy.generic": Kind(_take_scalar, _put_scalar),
    "numpy.dtype": Kind(
        lambda dtype: dtype.str if _is_narrow(dtype) else refuse(dtype), _put_dtype
    ),
    "numpy.RandomState": Kind(_take_generator, _put_generator),
    "datetime.datetime": Kind(_take_datetime, _put_datetime),
    "datetime.date": Kind(date.isoformat, date.fromisoformat),
    "datetime.time": Kind(time.isoformat, time.fromisoformat),
    "datetime.timedelta": Kind(
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: timedelta(*parts),
    ),
    "decimal.Decimal": Kind(str, Decimal),
}
