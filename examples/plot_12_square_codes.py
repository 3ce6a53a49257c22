"""
Codes that are pictures
=======================

The codes of an image may be many and still be fewer than its pixels. A convolutional
network gives each digit of 8 x 8 pixels 16 codes, which are drawn as pictures of 4 x 4
between the digits and what comes back. It is trained with cross-entropy, a loss for
pixels between 0 and 1.
"""

# %%
# scikit-learn's digits as rows of pixels between 0 and 1; a third is held out. For
# MNIST and 16 x 16 codes, take
# `fetch_openml("mnist_784", version=1, as_frame=False).data[:5000] / 255`, which is a
# download, and `n_across = 16`; the rest stays, and takes longer.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import Convolutional

X = load_digits().data / 16
n_across = 4
X_train, X_test = train_test_split(
    X.astype(np.float32), test_size=1 / 3, random_state=0
)

# %%
# `loss="log_loss"` is the cross-entropy; the logistic function keeps pixels between 0
# and 1. A random start is the usual one; without `init`, the network is a correction of
# PCA. `whiten=True` gives all codes the same variance, so that all can be seen.
pixels = {"loss": "log_loss", "output_activation": "logistic", "whiten": True}
convolutional = {
    "module": Convolutional,
    "learning_rate_init": 0.003,
    "max_iter": 40,
}
settings = {
    "convolutional, random start": {"init": "random", **convolutional},
    "convolutional, from PCA": convolutional,
    "fully connected, from PCA": {},
}
n_codes = n_across**2
models = {
    name: AutoencoderTransformer(n_codes, **pixels, **parameters, random_state=0)
    for name, parameters in settings.items()
}
models["PCA"] = PCA(n_codes, whiten=True)


def cross_entropy(rows):
    """Return the mean cross-entropy of a held-out pixel, in nats."""
    rows = np.clip(rows, 1e-4, 1 - 1e-4)
    return -np.mean(X_test * np.log(rows) + (1 - X_test) * np.log(1 - rows))


# %%
# The cross-entropy of held-out digits. Grey pixels have some of it even where they come
# back exactly, which is what the first line says.
print(f"{'the digits themselves':28} {cross_entropy(X_test):.4f}")
losses = {}
for name, model in models.items():
    codes = model.fit(X_train).transform(X_test)
    losses[name] = cross_entropy(model.inverse_transform(codes))
    print(f"{name:28} {losses[name]:.4f}")

# %%
# The picture is of the convolutional network with the smaller loss. Its codes are
# in the order of what they explain of the pixels, row by row from the top left, so that
# neighbours in the picture are neighbours in rank, not in the image.
convolutionals = [name for name in models if name.startswith("convolutional")]
best = min(convolutionals, key=losses.get)
codes = models[best].transform(X_test)
side = round(X.shape[1] ** 0.5)
parts = {
    f"digit, {side} x {side}": X_test.reshape(-1, side, side),
    f"codes, {n_across} x {n_across}": codes.reshape(-1, n_across, n_across),
    "reconstruction": models[best].inverse_transform(codes).reshape(-1, side, side),
}
figure, axes = plt.subplots(3, 10, figsize=(8.5, 3), layout="constrained")
for line, (name, images) in zip(axes, parts.items(), strict=True):
    is_code = name.startswith("codes")
    look = (
        {"cmap": "RdBu_r", "vmin": -3, "vmax": 3}
        if is_code
        else {"cmap": "gray_r", "vmin": 0, "vmax": 1}
    )
    for ax, image in zip(line, images, strict=False):
        drawn = ax.imshow(image, **look)
        ax.set(xticks=[], yticks=[])
    if is_code:
        figure.colorbar(drawn, ax=line, label="code")
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle(f"{best}: cross-entropy {losses[best]:.4f}")
plt.show()
