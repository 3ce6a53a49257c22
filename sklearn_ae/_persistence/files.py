"""Fitted estimators in files without pickle."""

import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._persistence.documents import (
    from_document,
    read_document,
    to_document,
    warn_of_versions,
)
from sklearn_ae._persistence.values import Arrays

# The dtypes of its arrays that NumPy knows.
NUMBERS = {"BOOL", "F16", "F32", "F64"}
NUMBERS |= {f"{kind}{n}" for kind in "IU" for n in (8, 16, 32, 64)}
# Where the JSON is in the metadata. One entry alone: several have no fixed order.
ENTRY = "sklearn_ae"


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
    text, arrays = to_document(estimator)
    check_is_fitted(estimator)
    arrays = arrays or {"none": np.empty(0)}  # safetensors 0.4.0 needs one
    _write(Path(os.path.realpath(path)), to_bytes(arrays, {ENTRY: text}))


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
    return load_as(None, path)


def load_as(cls: type | None, path: str | os.PathLike[str]) -> Any:
    """Return the estimator of a file, which is of this class unless that is None."""
    Path(path).open("rb").close()  # whose errors are clearer than those that follow
    try:
        document, arrays = _read(path)
        estimator = from_document(document, arrays, cls)
        check_is_fitted(estimator)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} cannot be loaded: {error!s:.1000}") from error
    warn_of_versions(type(estimator).__name__, document["versions"])
    return estimator


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
            document = read_document(metadata[ENTRY])
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
