"""Fitted estimators in files without pickle, and the versions in those with it."""

import json
import os
import secrets
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self
from warnings import warn

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._persistence import header
from sklearn_ae._persistence.header import Document, check_document, decode, encode
from sklearn_ae._persistence.state import Arrays, put_together, take_apart
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
        """Write the fitted estimator to one safetensors file, without pickle.

        NumPy's scalars and arrays among the parameters come back as Python's numbers
        and lists. Attributes that are not the estimator's own are not saved.

        Parameters
        ----------
        path : str or path-like
            Name of the file, in a directory that exists. An earlier file of this name
            is replaced when the new one is whole.

        Raises
        ------
        TypeError
            If a parameter or the history of `net_` holds other objects than None,
            bool, numbers, str, list, tuple, dict, array or RandomState.
        FileNotFoundError
            If `path` is in a directory that does not exist.
        ValueError
            If a parameter is invalid, a fitted value not finite, or `path` no file.
        """
        check_is_fitted(self)
        self._validate_params()
        document, arrays = take_apart(self._fit_result)
        parameters = self.get_params(deep=False).items()
        history = [dict(epoch) for epoch in self.net_.history]
        names = getattr(self, "feature_names_in_", None)
        document |= {
            "format": header.FORMAT,
            "estimator": type(self).__name__,
            "versions": _versions(),
            "parameters": {n: encode(v, f"{n}={v!r}") for n, v in parameters},
            "output": getattr(self, "_sklearn_output_config", {}).get("transform"),
            "n_features_in_": int(self.n_features_in_),
            "feature_names_in_": None if names is None else list(names),
            "history": encode(history, "The history of net_"),
        }
        text = json.dumps(check_document(document))
        _write(Path(os.path.realpath(path)), to_bytes(arrays, {ENTRY: text}))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator that :meth:`save` has written; anyone may be the author.

        Nothing in the file is run or imported. The estimator gives the same results,
        bit by bit, as the one that was saved, and `warm_start` goes on from it.

        Parameters
        ----------
        path : str or path-like
            Name of the file.

        Returns
        -------
        estimator : AutoencoderTransformer
            Fitted, on the CPU. Parameters that the file does not name are the default.

        Raises
        ------
        ValueError
            If the file is damaged, or of another program, class or format.

        Warns
        -----
        sklearn.exceptions.InconsistentVersionWarning
            If sklearn_ae, scikit-learn, skorch or torch had another version.
        """
        Path(path).open("rb").close()  # whose errors are clearer than those that follow
        try:
            document, arrays = _read(path)
            estimator = cls._of_document(document)
            fit = put_together(document, arrays)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error
        estimator.__dict__.update(estimator._fitted_attributes(fit))
        _warn_of_versions(cls.__name__, document["versions"])
        return estimator

    @classmethod
    def _of_document(cls, document: Document) -> Self:
        """Return an estimator of such parameters and names of columns."""
        writer, names = document["estimator"], document["feature_names_in_"]
        if writer != cls.__name__:
            raise ValueError(f"It holds an instance of {writer}, no {cls.__name__}.")
        parameters = {name: decode(v) for name, v in document["parameters"].items()}
        unknown = sorted(parameters.keys() - set(cls._get_param_names()))
        if unknown:
            raise ValueError(f"It has unknown parameters: {unknown!s:.200}.")
        estimator = cls(**parameters)
        estimator._validate_params()
        if names is not None:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        if document["output"] is not None:
            estimator.set_output(transform=document["output"])
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


def _read(path: str | os.PathLike[str]) -> tuple[Document, Arrays]:
    """Return what a file holds; the arrays take as much memory as the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, names, arrays = file.metadata() or {}, file.keys(), {}
            if ENTRY not in metadata:
                raise ValueError(
                    "It is a safetensors file, but not one that "
                    "AutoencoderTransformer.save has written: its metadata has no "
                    f"entry {ENTRY!r}."
                )
            document = check_document(json.loads(metadata[ENTRY]))
            for name in names:
                kind = file.get_slice(name).get_dtype()
                if kind != "F64":
                    raise ValueError(f"Its array {name!r} is {kind}, not F64.")
                arrays[name] = file.get_tensor(name)
            return document, arrays
    except SafetensorError as error:
        raise ValueError(
            f"It is truncated or damaged, or no safetensors file at all ({error})."
        ) from error
