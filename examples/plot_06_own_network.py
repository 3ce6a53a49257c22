"""
A network of one's own
======================

Any PyTorch module with `encode` and `decode` can take the place of the built-in
network, and its arguments become parameters that a grid search can vary. Here it is a
small convolutional autoencoder for images; convolutions know that neighbouring pixels
belong together, which the fully connected layers of the built-in network have to learn.
"""

# %%
# Handwritten digits, as rows of pixels between 0 and 1, from the folder that the
# environment variable `DATA` names or from OpenML; else scikit-learn's digits of 8 x 8
# pixels, and then the figures are others.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from torch import nn

from images import load_images
from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay

images, test_images = load_images("mnist", n_train=1000, n_test=1000)
X = images.reshape(len(images), -1).astype(np.float32) / 255
X_test = test_images.reshape(len(test_images), -1).astype(np.float32) / 255


# %%
# The network. `n_features` and `n_components` are given by the estimator, `n_channels`
# is its own. `encode` maps rows to codes, `decode` codes to rows, a batch at a time.
# That rows are images is the network's business. Two convolutions with stride 2 halve
# each side twice, so that sides have to be multiples of four.
class Convolutional(nn.Module):
    """Two convolutions down, two up; for square images."""

    def __init__(self, n_features, n_components, n_channels=8):
        super().__init__()
        side = round(n_features**0.5)
        inner = (2 * n_channels, side // 4, side // 4)
        n_inner = int(np.prod(inner))
        self.encode = nn.Sequential(
            nn.Unflatten(1, (1, side, side)),
            nn.Conv2d(1, n_channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(n_channels, 2 * n_channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(n_inner, n_components),
        )
        self.decode = nn.Sequential(
            nn.Linear(n_components, n_inner),
            nn.SiLU(),
            nn.Unflatten(1, inner),
            nn.ConvTranspose2d(2 * n_channels, n_channels, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(n_channels, 1, 4, stride=2, padding=1),
            nn.Flatten(),
        )


# %%
# The class is given, not an instance; with `init="random"` the network is all there is,
# and with `init="pca"` it would be a correction of PCA. `module__n_channels` is a
# parameter like any other, and the scores are shares of the variance of held-out rows:
autoencoder = AutoencoderTransformer(
    10, module=Convolutional, init="random", max_iter=15, random_state=0
)
search = GridSearchCV(autoencoder, {"module__n_channels": [4, 8, 16]}, cv=2).fit(X)
results = search.cv_results_
for parameters, score, seconds in zip(
    results["params"],
    results["mean_test_score"],
    results["mean_fit_time"],
    strict=True,
):
    print(f"{parameters}: share of variance {score:.3f}, {seconds:.1f} s a fit")
convolutional = search.best_estimator_

# %%
# Beside the built-in network, from the same random start and as a correction of PCA,
# and PCA: the share of the variance of held-out rows, and the number of weights. Of the
# 28 x 28 pixels of MNIST the convolutional network explains the most, with a tenth of
# the weights. Of 8 x 8 pixels it explains the least: there is little to convolve.
built_in = {"init": "random", "max_iter": 15, "random_state": 0}
models = {
    "convolutional": convolutional,
    "built-in": AutoencoderTransformer(10, **built_in).fit(X),
    "built-in, from PCA": AutoencoderTransformer(10, random_state=0).fit(X),
}
for name, model in models.items():
    n_weights = sum(weights.numel() for weights in model.net_.module_.parameters())
    print(f"{name:18} {model.score(X_test):.3f}, {n_weights:6} weights")
pca = PCA(10).fit(X)
lost = np.sum((X_test - pca.inverse_transform(pca.transform(X_test))) ** 2)
print(f"{'PCA':18} {1 - lost / np.sum((X_test - pca.mean_) ** 2):.3f}")

# %%
# Held-out images, their ten codes and what the convolutional network makes of them. All
# that comes with codes comes with those of one's own network too: they are centred,
# uncorrelated and in the order of what they explain.
ReconstructionDisplay.from_estimator(
    convolutional, X_test, image_shape=test_images.shape[1:]
)
plt.show()
