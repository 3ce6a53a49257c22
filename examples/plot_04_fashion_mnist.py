"""
Images in, images out
=====================

Images are stacks of unsigned bytes; estimators take rows of numbers. A step in front of
the autoencoder turns one into the other and back, so that the pipeline takes images and
`inverse_transform` returns images. In the pipeline: a textbook autoencoder, the default
one, which starts as PCA, and PCA, all with three codes.
"""

# %%
# Fashion-MNIST has grey images of clothes, 28 x 28 pixels. They are read from the
# folder that the environment variable `DATA` names, or fetched from OpenML; without
# either, scikit-learn's digits of 8 x 8 pixels stand in.
import gzip
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay


def load_images():
    """Return the name of the images, and at most 2500 of them as bytes."""
    file = Path(os.environ.get("DATA", ""), "fashion-mnist/train-images-idx3-ubyte.gz")
    if file.is_file():
        pixels = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
        return "clothes", pixels.reshape(-1, 28, 28)[:2500]
    warnings.filterwarnings("ignore", "A network error")
    try:
        pixels = fetch_openml("Fashion-MNIST", version=1, as_frame=False).data
        return "clothes", pixels.reshape(-1, 28, 28)[:2500].astype(np.uint8)
    except OSError:
        return "digits", np.rint(load_digits().images * (255 / 16)).astype(np.uint8)


name, images = load_images()
n_train = len(images) * 4 // 5
images, test_images = images[:n_train], images[n_train:]
image_shape = images.shape[1:]
print(f"{name}: {images.dtype} {images.shape}, held out {test_images.shape}")


# %%
# The first step: bytes from 0 to 255 become numbers between 0 and 1, an image becomes a
# row. On the way back, what lies outside is cut off, as bytes cannot hold it.
def to_rows(images):
    """Turn images of bytes into rows of numbers between 0 and 1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


def to_images(rows):
    """Turn rows of numbers into images of bytes."""
    pixels = np.rint(255 * np.clip(rows, 0, 1)).astype(np.uint8)
    return pixels.reshape(-1, *image_shape)


# %%
# The textbook network narrows in steps, from the pixels to 128, 64, 12 and 3 units and
# back, starts from random weights, and ends in a sigmoid, as pixels lie between 0 and
# 1. Learning rate, weight decay and batches are those usual with it. The default one
# has two wider layers, and learns a correction of PCA.
textbook = AutoencoderTransformer(
    3,
    hidden_layer_sizes=(128, 64, 12),
    activation="relu",
    init="random",
    output_activation="logistic",
    learning_rate_init=1e-3,
    alpha=1e-5,
    batch_size=64,
    max_iter=40,
    random_state=0,
)
steps = {
    "textbook": textbook,
    "default": AutoencoderTransformer(3, random_state=0),
    "PCA": PCA(3),
}
models = {
    name: make_pipeline(FunctionTransformer(to_rows, to_images), step)
    for name, step in steps.items()
}
for name, model in models.items():
    codes = model.fit(images).transform(test_images)
    decoded = model.inverse_transform(codes)
    error = np.mean((to_rows(decoded) - to_rows(test_images)) ** 2)
    epochs = f", {model[-1].n_iter_} epochs" if name != "PCA" else ""
    print(f"{name:8} mean squared error of held-out images {error:.4f}{epochs}")
print(f"codes: {codes.dtype} {codes.shape}; decoded: {decoded.dtype} {decoded.shape}")

# %%
# The same held-out images, their three codes and what is decoded from them, by each of
# the three. The display takes rows, hence the last step alone.

# sphinx_gallery_thumbnail_number = 2
rows = to_rows(test_images)
for name, model in models.items():
    display = ReconstructionDisplay.from_estimator(
        model[-1], rows, image_shape=image_shape
    )
    display.figure_.suptitle(name)
plt.show()

# %%
# Codes between those of two images can be decoded too. From the first held-out image to
# the second in eight steps, by each of the three:
figure, axes = plt.subplots(3, 8, figsize=(8, 3.2), layout="constrained")
for (name, model), line in zip(models.items(), axes, strict=True):
    first, second = model.transform(test_images[:2])
    between = np.linspace(first, second, 8)
    for image, axis in zip(model.inverse_transform(between), line, strict=True):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
