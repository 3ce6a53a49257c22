"""scikit-learn's callback protocol, and what stands for it before version 1.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Frames that scikit-learn's decorators put between a call of fit and its body.
FRAMES_AROUND_FIT = 2

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9 there is no such protocol

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for the mixin that this version of scikit-learn lacks."""

    FRAMES_AROUND_FIT = 1

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method
