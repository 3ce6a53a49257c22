"""Noise on the input of training, whose target stays clean."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Noise = Callable[[Tensor, torch.Generator], Tensor]


def gaussian(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Add normal noise of the standard deviation `level`."""
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x + level * noise


def masking(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Set a share `level` of the cells to zero (Vincent et al., 2008, ICML)."""
    return torch.where(_drawn(x, generator, level), 0.0, x)


def swap(x: Tensor, generator: torch.Generator, level: float) -> Tensor:
    """Replace a share `level` of the cells by others of their columns, each on its own.

    So columns keep their distribution and lose their dependence.
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
    """Noise on centred and scaled rows, which are `x * scale + mean` in data's units.

    `noise` maps these and a generator to rows of the same shape, which `clip` cuts off
    at 0 and 1.
    """

    noise: Noise
    mean: Tensor  # (n_features,)
    scale: Tensor  # ()
    clip: bool
    seed: int

    def generator(self) -> torch.Generator:
        """Return a generator in its first state."""
        return torch.Generator(self.mean.device).manual_seed(self.seed)

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Corrupt centred and scaled rows."""
        rows = x * self.scale + self.mean
        noisy = self.noise(rows.clone(), generator)
        found = tuple(noisy.shape) if isinstance(noisy, Tensor) else type(noisy)
        if found != rows.shape:
            raise ValueError(
                f"noise has to return a tensor of the shape that it is given, "
                f"{tuple(rows.shape)}, but it has returned {found}."
            )
        if self.clip:
            noisy = noisy.clamp(0, 1)
        # What is not changed keeps the digits that rows far from zero have lost.
        return x + (noisy.to(rows) - rows) / self.scale
