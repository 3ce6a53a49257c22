"""
Leaves of a soft tree
=====================

A network need not have layers. `SoftTree` encodes and decodes by decision trees whose
splits are soft: a row goes to both sides, in shares. So what is decoded is a mean of
leaves, and with one tree these are pictures that can be looked at.
"""

# %%
# scikit-learn's digits as rows of pixels between 0 and 1, of which a third is held out.
# One tree with four splits between its root and a leaf has 16 leaves; a digit has four
# codes.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import SoftTree

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(
    (X / 16).astype(np.float32), y, test_size=1 / 3, random_state=0
)


def trees(n_trees):
    """Return an autoencoder of soft trees."""
    return AutoencoderTransformer(
        4,
        module=SoftTree,
        module__depth=4,
        module__n_trees=n_trees,
        init="random",
        learning_rate_init=0.01,
        max_iter=100,
        random_state=0,
    )


models = {
    "one tree": trees(1),
    "four trees": trees(4),
    "built-in": AutoencoderTransformer(4, random_state=0),
    "PCA": PCA(4),
}
variance = np.sum((X_test - X_train.mean(axis=0)) ** 2)
for name, model in models.items():
    decoded = model.inverse_transform(model.fit(X_train).transform(X_test))
    share = 1 - np.sum((decoded - X_test) ** 2) / variance
    print(f"{name:10} share of variance of held-out digits {share:.3f}")

# %%
# The decoder's leaves. The network sees centred digits divided by one number, `scale`,
# so that what a leaf adds to the mean digit is an image. `to_torch` gives the fitted
# network; a hook keeps the codes that reach the decoder, and `leaves` has the shares of
# held-out digits in each leaf.
module = models["one tree"].to_torch()
decoder = module.autoencoder.network.decoder
seen = []
decoder.register_forward_hook(lambda tree, inputs, output: seen.append(inputs[0]))
with torch.no_grad():
    module(torch.from_numpy(X_test))
    shares = decoder.leaves(seen[0])[:, 0].numpy()
    images = (decoder.added() * module.scale).numpy()

# %%
# Above each leaf the share of all held-out digits that it has, and which digit has the
# largest share in it. From the left, each two leaves share all splits but the last. A
# leaf is no mean of digits: as a digit is spread over several leaves, they add more to
# the mean digit, or take more from it, than fits between 0 and 1.
largest = np.abs(images).max()
figure, axes = plt.subplots(2, 8, figsize=(9, 3.4), layout="constrained")
for ax, image, share in zip(axes.ravel(), images, shares.T, strict=True):
    means = [share[y_test == digit].mean() for digit in range(10)]
    drawn = ax.imshow(image.reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
    ax.set(title=f"{share.mean():.0%}, {np.argmax(means)}", xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, label="added to the mean digit")
figure.suptitle("Leaves: share of all digits, and the digit with most of it")
plt.show()
print(f"pixels of the leaves: {images.min():.2f} to {images.max():.2f}")
top = shares.max(axis=1)
print(f"largest share of a digit in one leaf: {np.median(top):.2f}, in the median")
