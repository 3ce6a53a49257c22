"""
Denoising digits
================

With `noise`, rows are corrupted while training and the clean ones are what is to be
reconstructed: a denoising autoencoder. Here a fully connected and a convolutional one
undo Gaussian noise that is half as strong as the whole range of the pixels, beside PCA,
which denoises by dropping components, and ridge regression, which has no codes at all.
"""

# %%
# scikit-learn's handwritten digits, as rows of 64 pixels between 0 and 1; a third is
# held out, and gets its noise once, cut off at 0 and 1 as a camera would. For MNIST,
# of 28 x 28 pixels, take instead
# `fetch_openml("mnist_784", version=1, as_frame=False).data[:3000] / 255`, which is a
# download; the rest stays, and takes longer.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import Convolutional

X = load_digits().data / 16
X_train, X_test = train_test_split(
    X.astype(np.float32), test_size=1 / 3, random_state=0
)
rng = np.random.default_rng(0)


def add_noise(rows):
    """Return rows with Gaussian noise, cut off at 0 and 1."""
    noise = rng.normal(0, 0.5, rows.shape).astype(rows.dtype)
    return np.clip(rows + noise, 0, 1)


X_noisy = add_noise(X_test)

# %%
# Autoencoders with 16 codes, fitted to clean rows, as `noise` adds the noise afresh in
# each step. `output_activation="logistic"` keeps pixels between 0 and 1, and cuts the
# noise off while training too. Each network starts from random weights, and as a
# correction of PCA.
pixels = {"noise": 0.5, "output_activation": "logistic", "random_state": 0}
convolutional = {
    "module": Convolutional,
    "module__pooling": "max",
    "learning_rate_init": 0.003,
    "max_iter": 50,
}
models = {
    "fully connected, random start": {"init": "random"},
    "fully connected, from PCA": {},
    "convolutional, random start": {"init": "random", **convolutional},
    "convolutional, from PCA": convolutional,
}
restored = {"noisy": X_noisy}
for name, parameters in models.items():
    model = AutoencoderTransformer(16, **pixels, **parameters).fit(X_train)
    restored[name] = model.inverse_transform(model.transform(X_noisy))

# %%
# PCA of the clean rows, with the number of components that is best on these very test
# images, which flatters it a little; and ridge regression from noisy to clean pixels.
for size in (4, 8, 12, 16, 24, 32):
    pca = PCA(size).fit(X_train)
    restored[f"PCA, {size} codes"] = pca.inverse_transform(pca.transform(X_noisy))
ridge = Ridge(alpha=10).fit(add_noise(X_train), X_train)
restored["ridge, no codes"] = ridge.predict(X_noisy)


def error(rows):
    """Return the mean squared error of rows that are cut off at 0 and 1."""
    return np.mean((np.clip(rows, 0, 1) - X_test) ** 2)


errors = {name: error(rows) for name, rows in restored.items()}
pcas = [name for name in errors if name.startswith("PCA")]
best_pca = min(pcas, key=errors.get)
shown = [name for name in errors if name not in pcas or name == best_pca]
shown.sort(key=errors.get)
for name in shown:
    print(f"{name:30} mean squared error {errors[name]:.4f}")

# %%
# Held-out digits, with noise, and as each model has them: the model with the smallest
# error comes first. What is wrong does not say so: strokes are blurred, or are those of
# another digit.
side = round(X.shape[1] ** 0.5)
rows = {"clean": X_test, "noisy": X_noisy}
rows |= {name: restored[name] for name in shown if name != "noisy"}
figure, axes = plt.subplots(len(rows), 10, figsize=(8, 6), layout="constrained")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for ax, image in zip(line, images, strict=False):
        ax.imshow(image.reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    label = name if name == "clean" else f"{name}\n{errors[name]:.4f}"
    line[0].set_ylabel(label, rotation=0, ha="right", va="center")
figure.suptitle("Digits and their mean squared errors")
plt.show()
