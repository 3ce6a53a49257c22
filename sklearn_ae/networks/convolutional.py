"""A convolutional encoder of images, and the decoder that mirrors it."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn

from sklearn_ae.networks.fully_connected import activation_of, counts


class Convolutional(nn.Module):
    """Convolutional encoder of images, and the decoder that mirrors it.

    Each level of the encoder is a convolution that halves both sides; a linear layer
    leads to the codes. The decoder doubles the sides by repeating pixels before each
    convolution, which leaves no checkerboard (Odena, A., Dumoulin, V., & Olah, C.
    (2016). "Deconvolution and checkerboard artifacts". Distill). Use it as
    `module=Convolutional, module__channels=(32, 64)`, mostly with `init="random"`.

    Parameters
    ----------
    n_features : int
        Number of values of an image.
    n_components : int
        Number of codes.
    image_shape : tuple of int or None, default=None
        (height, width) or (height, width, n_channels) of the images whose values are
        the columns, in C order. None takes a square of one channel.
    channels : sequence of int or int, default=(32, 64)
        Number of maps at each level, from the image towards the code.
    kernel_size : int, default=3
        Side of the convolutions, in pixels; odd.
    pooling : {"stride", "max"}, default="stride"
        What halves the sides: the stride of the convolution, or the largest of four
        pixels after it.
    activation : {"identity", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation of the maps.

    Raises
    ------
    TypeError, ValueError
        If a number is no integer of at least 1, `image_shape` does not have
        `n_features` values, an image is too small for so many levels, `kernel_size` is
        even, or `pooling` or `activation` unknown.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        image_shape: Sequence[int] | None = None,
        channels: Sequence[int] | int = (32, 64),
        kernel_size: int = 3,
        pooling: str = "stride",
        activation: str = "silu",
    ) -> None:
        super().__init__()
        *sides, depth = _shape(image_shape, n_features)
        (kernel_size,) = counts(kernel_size=kernel_size)
        given: Any = channels if np.ndim(channels) else [channels]
        maps = [depth, *(counts(channels=n_maps)[0] for n_maps in given)]
        _check(kernel_size, pooling, sides, len(maps) - 1)
        sizes = [tuple(sides)]
        for _ in maps[1:]:
            sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
        bend, padding = activation_of(activation), kernel_size // 2
        self.image_shape = (*sides, depth)
        down: list[nn.Module] = []
        for n_in, n_out in pairwise(maps):
            step = 2 if pooling == "stride" else 1
            down += [nn.Conv2d(n_in, n_out, kernel_size, step, padding), bend()]
            if pooling == "max":
                down.append(nn.MaxPool2d(2, ceil_mode=True))
        inner = (maps[-1], *sizes[-1])
        self.encoder = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(prod(inner), n_components)
        )
        up: list[nn.Module] = [
            nn.Linear(n_components, prod(inner)),
            bend(),
            nn.Unflatten(1, inner),
        ]
        pairs = list(zip(pairwise(maps), sizes[:-1], strict=True))
        for (n_out, n_in), size in reversed(pairs):
            up.append(nn.Upsample(size=size))
            up += [nn.Conv2d(n_in, n_out, kernel_size, padding=padding), bend()]
        self.decoder = nn.Sequential(*up[:-1])  # the image itself is not bent

    def encode(self, x: Tensor) -> Tensor:
        """Map images to codes.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Images as rows.

        Returns
        -------
        code : torch.Tensor of shape (batch, n_components)
            Codes.
        """
        images = x.unflatten(1, self.image_shape).movedim(-1, 1)
        code: Tensor = self.encoder(images)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to images.

        Parameters
        ----------
        code : torch.Tensor of shape (batch, n_components)
            Codes.

        Returns
        -------
        reconstruction : torch.Tensor of shape (batch, n_features)
            Images as rows.
        """
        images: Tensor = self.decoder(code)
        return images.movedim(1, -1).flatten(1)


def _shape(image_shape: Sequence[int] | None, n_features: int) -> tuple[int, ...]:
    """Return height, width and number of channels."""
    given: Any = image_shape
    if given is None:
        given = (round(n_features**0.5),) * 2
    sides = given if np.ndim(given) else [given]
    shape = (*(counts(image_shape=side)[0] for side in sides), 1)[:3]
    if len(sides) not in (2, 3) or prod(shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} does not have the {n_features} values of a "
            "row. Give (height, width) or (height, width, n_channels) of the images."
        )
    return shape


def _check(kernel_size: int, pooling: str, sides: Sequence[int], n_levels: int) -> None:
    """Raise unless images can be halved so often."""
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size={kernel_size} has to be odd.")
    if pooling not in ("stride", "max"):
        raise ValueError(f"pooling={pooling!r} has to be 'stride' or 'max'.")
    if min(sides) < 2 ** (n_levels - 1):
        raise ValueError(
            f"{n_levels} levels of channels halve the sides {tuple(sides)} of an image "
            "too often. Give fewer."
        )
