"""Small grey images for the examples, from where they can be had."""

import gzip
import os
import socket
import warnings
from pathlib import Path
from urllib.error import URLError

import numpy as np
from sklearn.datasets import fetch_openml, load_digits

OPENML_NAMES = {"mnist": "mnist_784", "fashion-mnist": "Fashion-MNIST"}
OPENML_TIMEOUT = 10.0  # seconds without an answer


def load_images(name, n_train, n_test):
    """Return images to train on and images to test on, and print where they are from.

    They are looked for in the folder that the environment variable DATA names, then at
    OpenML; without either, they are scikit-learn's digits, which are 8 x 8.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist"}
        Which images; also the name of the folder in DATA with the original files.
    n_train, n_test : int
        How many images, if there are so many.

    Returns
    -------
    train, test : ndarray of shape (n_images, height, width) and dtype uint8
        The first of the training images and the first of the test images.
    """
    data = os.environ.get("DATA")
    folder = Path(data, name) if data else None
    if folder and folder.is_dir():
        source = f"{name} of the folder DATA"
        train, test = (_read_idx(folder, part) for part in ("train", "t10k"))
    else:
        source, (train, test) = f"{name} of OpenML", _fetch(name)
    if train is None:
        source = "scikit-learn's digits, as neither DATA nor OpenML can be reached"
        images = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
        train, test = images[:1297], images[1297:]
    train, test = train[:n_train], test[:n_test]
    height, width = train.shape[1:]
    print(f"{source}: {len(train)} + {len(test)} images, {height} x {width}")
    return train, test


def _read_idx(folder, part):
    """Read a file of images: four big-endian integers, then the pixels."""
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        shape = np.frombuffer(file.read(16), ">i4")[1:]
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def _fetch(name):
    """Return training and test images of OpenML, or twice None without a network."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(OPENML_TIMEOUT)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error")
            rows = fetch_openml(
                OPENML_NAMES[name], version=1, as_frame=False, n_retries=1, delay=0.1
            ).data
    except (URLError, ConnectionError, TimeoutError):
        return None, None
    finally:
        socket.setdefaulttimeout(timeout)
    images = rows.reshape(-1, 28, 28).astype(np.uint8)
    return images[:60_000], images[60_000:]
