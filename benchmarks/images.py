"""Images as rows of values between 0 and 1: MNIST, Fashion-MNIST, or bundled digits."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

# Bytes before the lengths of the axes; the last of them is the number of axes.
MAGIC = 4


@dataclass(frozen=True)
class Images:
    """Rows to train on and held-out rows, one image each.

    Attributes
    ----------
    train, test : ndarray of shape (n_images, side ** 2)
        float32, from 0 (background) to 1.
    """

    name: str
    train: np.ndarray
    test: np.ndarray

    @property
    def side(self) -> int:
        """Pixels along an edge."""
        return round(self.train.shape[1] ** 0.5)


def read_idx(path: Path) -> np.ndarray:
    """Read the array in a gzipped idx file of bytes.

    The format is described at http://yann.lecun.com/exdb/mnist.
    """
    content = gzip.decompress(path.read_bytes())
    n_axes = content[MAGIC - 1]
    start = MAGIC + 4 * n_axes
    shape = np.frombuffer(content[MAGIC:start], dtype=">u4").astype(int)
    return np.frombuffer(content[start:], dtype=np.uint8).reshape(shape)


def load_images(directory: Path | None, name: str) -> Images:
    """Read `directory/name`, or fall back to scikit-learn's digits and say so."""
    if directory is not None and (directory / name).is_dir():
        train, test = (
            read_idx(directory / name / f"{part}-images-idx3-ubyte.gz")
            for part in ("train", "t10k")
        )
        return Images(name, _as_rows(train), _as_rows(test))
    if name != "digits":
        print(f"There is no {name} here: scikit-learn's digits stand in for it.")
    X = (load_digits().data / 16).astype(np.float32)
    return Images("digits", *train_test_split(X, test_size=0.25, random_state=0))


def _as_rows(images: np.ndarray) -> np.ndarray:
    """Lay bytes out as rows of values between 0 and 1."""
    return images.reshape(len(images), -1) / np.float32(255)
