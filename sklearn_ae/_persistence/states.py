"""What estimators are in pickles, in copies and for skops."""

import os
from collections.abc import Mapping
from copyreg import __newobj__  # type: ignore[attr-defined]
from typing import Any, Self, SupportsIndex

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_ae._data import portable
from sklearn_ae._persistence.documents import (
    SAVED,
    from_document,
    read_document,
    to_document,
    versions,
    warn_of_versions,
)
from sklearn_ae._persistence.files import load_as, save
from sklearn_ae._persistence.values import Arrays, is_raw, need


class PickleState(dict[str, Any]):
    """All attributes of an estimator, whatever they are: the state in a pickle.

    Nobody but pickle and copy makes one; skops does not trust it.
    """


class PersistenceMixin(BaseEstimator):
    """Files, and states of two kinds, one for pickle and copy and one for skops.

    pickle and copy ask `__reduce_ex__`, whose state has all attributes as they are.
    skops asks `__getstate__`, which has plain data alone, in the form of files. As a
    file of skops may give any state to a class that is trusted, `__setstate__` takes
    attributes as they are from pickle and copy only. Subclasses have one state.
    """

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
        estimator: Self = load_as(cls, path)
        return estimator

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if type(self) not in SAVED:
            return super().__reduce_ex__(protocol)
        return __newobj__, (type(self),), PickleState(self._attributes())

    def __getstate__(self) -> dict[str, Any]:
        if type(self) not in SAVED:
            return self._attributes()
        text, arrays = to_document(self)
        return {"document": text, "arrays": arrays}

    def _attributes(self) -> dict[str, Any]:
        """Return all attributes, as any machine can load them, and the versions."""
        state = {
            name: portable(value) for name, value in super().__getstate__().items()
        }
        return {**state, "_versions": versions()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name = type(self).__name__
        if type(self) not in SAVED or type(state) is PickleState:
            state = dict(state)
            warn_of_versions(name, state.pop("_versions", {}))
            super().__setstate__(state)
            return
        try:
            document, arrays = _read(state)
            found = vars(from_document(document, arrays, type(self)))
        except (ValueError, TypeError, RecursionError) as error:
            text = f"This {name} cannot be loaded: {error!s:.1000}"
            raise ValueError(text) from error
        self.__dict__.update(found)
        warn_of_versions(name, document["versions"])


def _read(state: Mapping[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Return the document and copies of the arrays of a state of skops."""
    if type(state) is dict and "_versions" in state:
        raise ValueError("It is the pickle of a version that is not supported.")
    is_whole = type(state) is dict and state.keys() == {"document", "arrays"}
    need(is_whole, "Its state, which is no document with arrays, is")
    text, arrays = state["document"], state["arrays"]
    need(type(text) is str and type(arrays) is dict, "Its state is")
    for name, array in arrays.items():
        is_array = type(name) is str and type(array) is np.ndarray
        need(is_array and is_raw(array), f"Its array {name!r:.80} is")
    return read_document(text), {n: np.array(a) for n, a in arrays.items()}
