"""What a fit has found, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data import LinearStart
from sklearn_ae._model import Architecture, Codec
from sklearn_ae._training import Net


@dataclass(frozen=True)
class Fit:
    """What a fit has found."""

    architecture: Architecture
    net: Net
    start: LinearStart
    codec: Codec
    score: float  # fraction of variance explained, all rows given to the fit
    pca_score: float  # of PCA, of the rows that picked the weights
    loss: float  # of the rows that picked the weights; 1 is that of the mean
    contributions: NDArray[np.float64]  # (n_components, n_features)
    explained_variance: NDArray[np.float64]  # (n_components,), linear share
    shrinkage: float
    is_validated: bool  # whether held-out rows picked the weights
    # Losses of the mean, of the rows in question, in one unit of the net's loss.
    loss_unit: float
    validation_loss_unit: float

    def loss_curve(self) -> list[float]:
        """Loss of each epoch as a fraction of the loss of the mean."""
        return [epoch["train_loss"] * self.loss_unit for epoch in self.net.history]

    def validation_loss_curve(self) -> list[float] | None:
        """Return the same of the held-out rows, if there are any."""
        unit = self.validation_loss_unit
        losses = [epoch.get("valid_loss") for epoch in self.net.history]
        return [loss * unit for loss in losses] if self.is_validated else None

    def pca_attributes(self) -> dict[str, Any]:
        """Return the attributes that PCA has, too, with what they mean here."""
        start, n = self.start, self.start.n_samples
        ratio, (n_features, n_codes) = self.explained_variance_ratio(), self.codec.shape
        variance = start.total_variance * n / max(n - 1, 1)  # scaled
        left_over = (1 - self.score) * variance / max(min(n_features, n) - n_codes, 1)
        with np.errstate(over="ignore", under="ignore"):  # zeros stay zeros
            explained = ratio * variance * start.scale * start.scale
            noise = left_over * start.scale * start.scale
        return {
            "mean_": start.mean,
            "components_": self.contributions,
            "explained_variance_": explained,
            "explained_variance_ratio_": ratio,
            "noise_variance_": noise,
        }

    def explained_variance_ratio(self) -> NDArray[np.float64]:
        """Share the score out among the codes as their linear parts are.

        Constant data are explained by the first code.
        """
        linear = self.explained_variance
        total = linear.sum()
        shares = linear / total if total > 0 else np.eye(len(linear))[0]
        return shares * max(self.score, 0.0)


def check_continues(
    previous: Fit, n_features: int, architecture: Architecture, what: str, remedy: str
) -> None:
    """Raise unless a fit can go on from the weights of a previous one."""
    sizes, new_sizes = previous.codec.shape, (n_features, architecture.n_components)
    settings = {"(n_features, n_components)": (sizes, new_sizes)}
    for name, value in vars(previous.architecture).items():
        if name not in ("whiten", "sparse", "n_steps"):  # which weights do not fix
            settings[name] = value, getattr(architecture, name)
    for name, (before, now) in settings.items():
        if _differ(before, now):
            shown = name.replace("_parameters", "__*")
            raise ValueError(
                f"{what} continues a fit with {shown}={before!r}, but now it "
                f"is {now!r}. {remedy}"
            )


def _differ(before: Any, now: Any) -> bool:
    """Whether two settings are different; arguments of a network may be arrays."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        changed = (_differ(before[name], now[name]) for name in now)
        return before.keys() != now.keys() or any(changed)
    return before is not now and not np.array_equal(before, now)
