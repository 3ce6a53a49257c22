"""Noise on the input of training, whose target stays clean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Noise = Callable[[Tensor, torch.Generator], Tensor]


def gaussian(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Add normal noise of the standard deviation `level`."""
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x + level * noise


def masking(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Set a share `level` of the cells to zero.

    Vincent, P., et al. (2008). "Extracting and composing robust features with denoising
    autoencoders". ICML 2008.
    """
    return torch.where(_drawn(x, generator, level), 0.0, x)


def swap(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Replace a share `level` of the cells by those of other rows in the same columns.

    Each cell comes from a row of the batch of its own, so that columns keep their
    distribution and lose their dependence.
    """
    rows = torch.randint(len(x), x.shape, generator=generator, device=x.device)
    return torch.where(_drawn(x, generator, level), x.gather(0, rows), x)


def _drawn(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Draw which cells are hit."""
    chance = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return chance < level


KINDS = {"gaussian": gaussian, "masking": masking, "swap": swap}


@dataclass(frozen=True)
class Corruption:
    """Noise on centred and scaled rows, drawn from a seed.

    Parameters
    ----------
    noise : callable
        Maps rows in the units of the data and a generator to rows of the same shape.
    mean : Tensor of shape (n_features,)
    scale : Tensor of shape ()
        Rows of the data are `x * scale + mean` of centred and scaled rows.
    clip : bool
        Whether corrupted rows are cut off at 0 and 1.
    seed : int
    """

    noise: Any
    mean: Tensor
    scale: Tensor
    clip: bool
    seed: int

    def generator(self) -> torch.Generator:
        """Return a generator in its first state."""
        return torch.Generator(self.mean.device).manual_seed(self.seed)

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Corrupt centred and scaled rows."""
        rows = x * self.scale + self.mean
        noisy = self.noise(rows.clone(), generator)
        if not isinstance(noisy, Tensor) or noisy.shape != rows.shape:
            found = tuple(noisy.shape) if isinstance(noisy, Tensor) else type(noisy)
            raise ValueError(
                f"noise has to return a tensor of the shape that it is given, "
                f"{tuple(rows.shape)}, but it has returned {found}."
            )
        if self.clip:
            noisy = noisy.clamp(0, 1)
        # What is not changed keeps the digits that rows far from zero have lost.
        return x + (noisy.to(rows) - rows) / self.scale
