"""
A network of one's own
======================

Any PyTorch module with `encode` and `decode` can take the place of the built-in
network, and its arguments become parameters that a grid search can vary. Here it is a
small convolutional autoencoder, in which neighbouring pixels belong together from the
start. `sklearn_ae.networks` has a larger one, and others.
"""

# %%
# scikit-learn's handwritten digits, as rows of 64 pixels between 0 and 1; a third is
# held out. For MNIST, of 28 x 28 pixels, take
# `fetch_openml("mnist_784", version=1, as_frame=False).data[:2000] / 255`, which is a
# download; the rest stays, and takes longer.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from torch import nn

from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay

X = load_digits().data / 16
X, X_test = train_test_split(X.astype(np.float32), test_size=1 / 3, random_state=0)


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
    10, module=Convolutional, init="random", max_iter=40, random_state=0
)
search = GridSearchCV(autoencoder, {"module__n_channels": [4, 16]}, cv=2).fit(X)
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
# and PCA: the share of the variance of held-out rows, and the number of weights. The
# best comes first; a network of one's own has to earn its place.
built_in = {"init": "random", "max_iter": 40, "random_state": 0}
models = {
    "convolutional": convolutional,
    "built-in": AutoencoderTransformer(10, **built_in).fit(X),
    "built-in, from PCA": AutoencoderTransformer(10, random_state=0).fit(X),
}
pca = PCA(10).fit(X)
lost = np.sum((X_test - pca.inverse_transform(pca.transform(X_test))) ** 2)
scores = {name: model.score(X_test) for name, model in models.items()}
scores["PCA"] = 1 - lost / np.sum((X_test - pca.mean_) ** 2)
n_weights = {
    name: sum(weights.numel() for weights in model.net_.module_.parameters())
    for name, model in models.items()
}
n_weights["PCA"] = pca.components_.size
for name in sorted(scores, key=scores.get, reverse=True):
    print(f"{name:18} {scores[name]:.3f}, {n_weights[name]:6} weights")

# %%
# Held-out images, their ten codes and what the convolutional network makes of them. All
# that comes with codes comes with those of one's own network too: they are centred,
# uncorrelated and in the order of what they explain.
side = round(X.shape[1] ** 0.5)
ReconstructionDisplay.from_estimator(convolutional, X_test, image_shape=(side, side))
plt.show()
