"""Fitted estimators in files without pickle, and the versions in those with it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self
from warnings import warn

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._persistence.document import (
    FORMAT,
    Document,
    check_document,
    decode_parameters,
)
from sklearn_ae._persistence.saving import Arrays, put_together, take_apart
from sklearn_ae._version import __version__

# Where the JSON is in the metadata. One entry alone: several have no fixed order.
ENTRY = "sklearn_ae"


@cache
def _versions() -> dict[str, str]:
    """Versions that a fit depends on; scikit-learn stamps its own classes only.

    Builds of torch for other devices, such as 2.10.0+cpu, count as the same version.
    """
    packages = ("scikit-learn", "skorch", "torch")
    installed = {name: version(name).partition("+")[0] for name in packages}
    return {"sklearn_ae": __version__, **installed}


def _warn_of_versions(name: str, stored: Mapping[str, object]) -> None:
    """Warn of each package that had another version when the estimator was stored."""
    for package, current in _versions().items():
        if stored.get(package) != current:
            warn(
                InconsistentVersionWarning(
                    estimator_name=f"{name} ({package})",
                    current_sklearn_version=current,
                    original_sklearn_version=str(stored.get(package)),
                ),
                stacklevel=3,
            )


class PersistenceMixin(BaseEstimator):
    """Saving to and loading from files, for the estimator that `Fit` belongs to."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, without pickle.

        The file has the safetensors format: the arrays, and as metadata a JSON text
        with the parameters, the versions of the packages, the names of the columns and
        the other fitted attributes. It takes the place of an earlier file only when it
        is whole.

        Parameters
        ----------
        path : str or path-like
            Name of the file. Its directory has to exist; an earlier file of this name
            is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If a parameter, or an entry of the history of `net_`, is not plain data:
            None, a bool, number, string, array or RandomState instance, or lists,
            tuples or dicts of these. `callbacks`, a `module` and functions are not.
        ValueError
            If a parameter is invalid, a fitted value is not finite, or `path` is there
            and is no file.
        OSError
            If the file cannot be written. What had the name before is left as it was.

        See Also
        --------
        load : Read such a file.

        Notes
        -----
        NumPy scalars and arrays among the parameters come back as Python's numbers and
        lists. A RandomState instance comes back in the state that it had. Attributes
        that are not the estimator's own and metadata requests are not saved.

        `skops.io.dumps` cannot take the estimator, as skops 0.16 refuses torch's
        tensors; this is the way to a file that is safe to load.
        """
        check_is_fitted(self)
        self._validate_params()
        document, arrays = take_apart(self)
        text = json.dumps({**document, "versions": _versions()}, allow_nan=False)
        check_document(json.loads(text))
        content = to_bytes(arrays, {ENTRY: text})
        _write(Path(os.path.realpath(path)), content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator that :meth:`save` has written.

        Nothing in the file is run or imported: it is safe to load files of unknown
        origin. The estimator gives the same results, bit by bit, as the one that was
        saved, and `warm_start` goes on from it.

        Parameters
        ----------
        path : str or path-like
            Name of the file.

        Returns
        -------
        estimator : AutoencoderTransformer
            The fitted estimator, on the CPU. Parameters that the file does not name
            have their default.

        Raises
        ------
        ValueError
            If the file is truncated or damaged, if another program or another class
            has written it, or if it has a newer format than this version can read.
        OSError
            If there is no such file or it cannot be read.

        Warns
        -----
        sklearn.exceptions.InconsistentVersionWarning
            If sklearn_ae, scikit-learn, skorch or torch had another version.

        See Also
        --------
        save : Write such a file.
        """
        Path(path).open("rb").close()  # whose errors are clearer than those that follow
        try:
            document, arrays = _read(path)
            if document["estimator"] != cls.__name__:
                raise ValueError(
                    f"It holds an instance of {document['estimator']}, not of "
                    f"{cls.__name__}."
                )
            estimator = cls(**decode_parameters(document, cls._get_param_names()))
            estimator._validate_params()
            put_together(estimator, document, arrays)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{os.fspath(path)!r} cannot be loaded: {error}"
            ) from error
        _warn_of_versions(cls.__name__, document["versions"])
        return estimator

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_versions": _versions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        _warn_of_versions(type(self).__name__, state.pop("_versions", {}))
        super().__setstate__(state)


def _write(path: Path, content: bytes) -> None:
    """Put a file under its name when it is whole and on the disk, or not at all."""
    if path.exists() and not path.is_file():
        raise ValueError(f"path={str(path)!r} is there already, and is no file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"path={str(path)!r} is in a directory that does not exist. Make it first."
        )
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


def _read(path: str | os.PathLike[str]) -> tuple[Document, Arrays]:
    """Return what a file holds; the arrays take as much memory as the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            document = _parse(file.metadata() or {})
            names = file.keys()
            for name in names:
                kind = file.get_slice(name).get_dtype()
                if kind != "F64":
                    raise ValueError(f"Its array {name!r} is {kind}, not F64.")
            return document, {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(
            f"It is truncated or damaged, or no safetensors file at all ({error})."
        ) from error


def _parse(metadata: dict[str, str]) -> Document:
    """Return the JSON in the metadata, if it has a format that this version reads."""
    if ENTRY not in metadata:
        raise ValueError(
            "It is a safetensors file, but not one that AutoencoderTransformer.save "
            f"has written: its metadata has no entry {ENTRY!r}."
        )
    try:
        document = json.loads(metadata[ENTRY])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Its metadata is not JSON ({error}).") from error
    if isinstance(document, dict):
        found, versions = document.get("format"), document.get("versions")
        if isinstance(found, int) and found > FORMAT:
            writer = versions.get("sklearn_ae") if isinstance(versions, dict) else None
            raise ValueError(
                f"It has format {found}, written by sklearn_ae {writer}, but this "
                f"is sklearn_ae {__version__}, which reads up to format {FORMAT}. "
                "Upgrade sklearn_ae."
            )
    return check_document(document)
