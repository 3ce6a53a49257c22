"""The same estimator without Dask, for those who save it, and for the workers."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import dask
from sklearn import config_context

# Not needed to encode: rows of a stream, and how results are to be wrapped.
LEFT_BEHIND = ("_stream", "_sklearn_output_config")


class LocalMixin:
    """For estimators whose base class is the one without Dask."""

    _local: ClassVar[type]

    def to_local(self: Any) -> Any:
        """Return the same as an estimator that does not need Dask.

        Returns
        -------
        local : estimator
            With the same parameters, fitted if this is.
        """
        local = self._local(**self.get_params(deep=False))
        for name, value in vars(self).items():
            if name not in LEFT_BEHIND:
                setattr(local, name, value)
        return local

    def _later(self) -> Any:
        """Return the local estimator as one task, whose result workers hand on."""
        data = pickle.dumps(self.to_local())
        return dask.delayed(pickle.loads, pure=True)(data)


def applied(model: Any, method: str, block: Any) -> Any:
    """Call a method of a local estimator, whatever output the caller has set."""
    with config_context(transform_output="default"):
        return getattr(model, method)(block)
