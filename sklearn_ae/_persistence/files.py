"""Fitted estimators in files without pickle, and the versions in those with it."""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self, TypeVar
from warnings import warn

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._persistence.attributes import Attributes
from sklearn_ae._persistence.autoencoder import FITS
from sklearn_ae._persistence.scikit_learn import SCIKIT_LEARN
from sklearn_ae._persistence.tables import TABLES
from sklearn_ae._persistence.targets import TARGETS
from sklearn_ae._persistence.trees import TREES
from sklearn_ae._persistence.values import PLAIN, Arrays, Decoder, Encoder, Kind, need
from sklearn_ae._version import __version__

# To be raised whenever another version would read a file wrongly.
FORMAT = 3
# The dtypes of its arrays that NumPy knows.
NUMBERS = {"BOOL", "F16", "F32", "F64"}
NUMBERS |= {f"{kind}{n}" for kind in "IU" for n in (8, 16, 32, 64)}
# Where the JSON is in the metadata. One entry alone: several have no fixed order.
ENTRY = "sklearn_ae"
# All that a file may hold; the estimators of the package are added by `saved`.
KINDS: dict[str, Kind] = {
    **PLAIN, **TABLES, **TARGETS, **SCIKIT_LEARN, **TREES, **FITS
}  # fmt: skip
Class = TypeVar("Class")


def saved(*names: str) -> Callable[[Class], Class]:
    """Have files hold a class, by its parameters and these fitted attributes.

    Its method `_complete` checks them when they are loaded.
    """

    def add(cls: Any) -> Any:
        attributes = Attributes(cls, names, (), cls._complete)
        KINDS[f"sklearn_ae.{cls.__name__}"] = Kind(attributes.take, attributes.put)
        return cls

    return add


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to one safetensors file, without pickle.

    It may be of this package, one of many of scikit-learn, or a `Pipeline` or
    `ColumnTransformer` of such; the user guide has the list. What `fit` has not made
    of an estimator of this package, such as metadata requests, is not saved.

    Parameters
    ----------
    estimator : estimator
        What is to be saved.
    path : str or path-like
        Name of the file, in a directory that exists. An earlier file of this name
        is replaced when the new one is whole.

    Raises
    ------
    TypeError
        If it holds an estimator of another class, or another object that is no plain
        data, such as a function.
    FileNotFoundError
        If `path` is in a directory that does not exist.
    ValueError
        If a parameter is invalid, a fitted value not finite, or `path` no file.
    """
    encoder = Encoder(KINDS)
    try:
        check_is_fitted(estimator)
        section = encoder.encode(estimator, type(estimator).__name__)
    except RecursionError as error:
        raise ValueError("The estimator holds itself, or is nested deeply.") from error
    document = {"format": FORMAT, "versions": _versions(), "estimator": section}
    arrays = encoder.arrays or {"none": np.empty(0)}  # safetensors 0.4.0 needs one
    content = to_bytes(arrays, {ENTRY: json.dumps(document)})
    _write(Path(os.path.realpath(path)), content)


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator that :func:`save` has written; anyone may be the author.

    Nothing in the file is run or imported. The estimator gives the same results, bit by
    bit, as the one that was saved, and `warm_start` of the autoencoder goes on from it.

    Parameters
    ----------
    path : str or path-like
        Name of the file.

    Returns
    -------
    estimator : estimator
        Fitted, on the CPU. Parameters that the file does not name are the default.

    Raises
    ------
    ValueError
        If the file is damaged, or of another program, class or format.
    ImportError
        If a table of pandas or polars was learned, and the library is not installed.

    Warns
    -----
    sklearn.exceptions.InconsistentVersionWarning
        If sklearn_ae, scikit-learn, skorch or torch had another version.
    """
    return _load(path)


class PersistenceMixin(BaseEstimator):
    """Saving to and loading from files, and versions in pickles."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, as :func:`sklearn_ae.save` does.

        Parameters
        ----------
        path : str or path-like
            Name of the file, in a directory that exists.
        """
        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator of this class, as :func:`sklearn_ae.load` does.

        Parameters
        ----------
        path : str or path-like
            Name of the file.

        Returns
        -------
        estimator : estimator of this class
            Fitted, on the CPU.
        """
        estimator: Self = _load(path, cls)
        return estimator

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_versions": _versions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        _warn_of_versions(type(self).__name__, state.pop("_versions", {}), 3)
        super().__setstate__(state)


@cache
def _versions() -> dict[str, str]:
    """Versions that a fit depends on; scikit-learn stamps its own classes only.

    Builds of torch for other devices, such as 2.10.0+cpu, count as the same version.
    """
    packages = ("scikit-learn", "skorch", "torch")
    installed = {name: version(name).partition("+")[0] for name in packages}
    return {"sklearn_ae": __version__, **installed}


def _warn_of_versions(name: str, stored: Mapping[str, object], stacklevel: int) -> None:
    """Warn of each package that had another version when the estimator was stored."""
    for package, current in _versions().items():
        if stored.get(package) != current:
            warn(
                InconsistentVersionWarning(
                    estimator_name=f"{name} ({package})",
                    current_sklearn_version=current,
                    original_sklearn_version=str(stored.get(package)),
                ),
                stacklevel=stacklevel,
            )


def _load(path: str | os.PathLike[str], cls: type | None = None) -> Any:
    """Return the estimator of a file, which is of this class unless that is None."""
    Path(path).open("rb").close()  # whose errors are clearer than those that follow
    try:
        document, arrays = _read(path)
        if cls is not None:
            _check_class(document["estimator"], cls)
        estimator = Decoder(KINDS, arrays).decode(document["estimator"])
        left = sorted(name for name, array in arrays.items() if array.size)
        if left:
            raise ValueError(f"Its arrays {left!s:.200} belong to nothing.")
        check_is_fitted(estimator)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error
    _warn_of_versions(type(estimator).__name__, document["versions"], 4)
    return estimator


def _check_class(section: dict[str, Any], cls: type) -> None:
    """Raise unless a file holds an instance of this class."""
    found = " and ".join(name.partition(".")[2] for name in section)
    if found != cls.__name__:
        raise ValueError(f"It holds an instance of {found:.80}, no {cls.__name__}.")


def _write(path: Path, content: bytes) -> None:
    """Put a file under its name when it is whole and on the disk, or not at all."""
    if path.exists() and not path.is_file():
        raise ValueError(f"path={str(path)!r} is there already, and is no file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path={str(path)!r} is in no directory that exists.")
    temporary = path.with_name(f".{ENTRY}-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    """Return what a file holds; the arrays take as much memory as the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, names, arrays = file.metadata() or {}, file.keys(), {}
            if ENTRY not in metadata:
                raise ValueError(
                    "It is a safetensors file, but not one that sklearn_ae.save has "
                    f"written: its metadata has no entry {ENTRY!r}."
                )
            document = _check_document(json.loads(metadata[ENTRY]))
            for name in names:
                kind = file.get_slice(name).get_dtype()
                if kind not in NUMBERS:
                    raise ValueError(f"Its array {name!r:.80} is {kind}.")
                arrays[name] = np.array(file.get_tensor(name))
            return document, arrays
    except SafetensorError as error:
        raise ValueError(
            f"It is truncated or damaged, or no safetensors file at all ({error})."
        ) from error


def _check_document(document: Any) -> dict[str, Any]:
    """Return what the JSON holds, if it is of this format."""
    if not isinstance(document, dict):
        raise ValueError("Its JSON is not an object.")
    found = document.get("format", FORMAT)
    if found != FORMAT:
        raise ValueError(
            f"It has format {found!r:.80}, but this version of sklearn_ae reads format "
            f"{FORMAT} alone. It was written by {document.get('versions')!r:.200}."
        )
    if document.keys() != {"format", "versions", "estimator"}:
        text = "Its entries are not format, versions and estimator, but"
        raise ValueError(f"{text} {sorted(document)!s:.200}.")
    for name in ("versions", "estimator"):
        need(isinstance(document[name], dict), f"Its entry {name!r} is")
    return document
