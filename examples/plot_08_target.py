"""
Codes for a target
==================

Two codes keep what varies most, which need not be what tells the digits apart.
`TargetAugmenter` appends what is predicted of the target, so that the codes keep it;
how much that costs the images is what `mixing` decides.
"""

# %%
# Images of digits, two codes, and a logistic regression behind them: with PCA, with the
# autoencoder, and with the target for both. The last score is that of all 64 pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, TargetAugmenter

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)


def behind(codes, codes_test):
    """Score a logistic regression behind codes."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(codes, y).score(codes_test, y_test)


def lost(model, rows):
    """Return the share of the variance that codes lose."""
    restored = model.inverse_transform(model.transform(rows))
    return np.sum((rows - restored) ** 2) / np.sum(rows**2)


def with_target(reducer, mixing=0.5):
    """Put the target before a reducer."""
    classifier = LogisticRegression(C=0.1, max_iter=1000)
    augmenter = TargetAugmenter(classifier, mixing=mixing, random_state=0)
    return make_pipeline(augmenter, clone(reducer))


autoencoder = AutoencoderTransformer(2, max_iter=40, random_state=0)
reducers = {
    "PCA": PCA(2),
    "PCA with target": with_target(PCA(2)),
    "autoencoder": autoencoder,
    "autoencoder with target": with_target(autoencoder),
}
codes = {name: model.fit_transform(X, y) for name, model in reducers.items()}
for name, model in reducers.items():
    score = behind(codes[name], model.transform(X_test))
    print(f"{name:24} {score:.3f} right, {lost(model, X_test):.3f} lost")
print(f"{'all columns':24} {behind(X, X_test):.3f} right")

# %%
# The codes of the training rows, coloured by the digit.
figure, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
for ax, (name, points) in zip(axes.flat, codes.items(), strict=True):
    drawn = ax.scatter(*points.T, c=y, cmap="tab10", s=6, vmin=-0.5, vmax=9.5)
    ax.set(title=name, xlabel="code 1", ylabel="code 2")
figure.colorbar(drawn, ax=axes, ticks=range(10), label="digit", shrink=0.6)
plt.show()

# %%
# From the images alone (`mixing=1`) to little but the target: what the score gains, and
# what the images lose, on held-out rows.
shares = [1.0, 0.99, 0.9, 0.7, 0.5, 0.2, 0.05]
points = []
for mixing in shares:
    model = with_target(autoencoder, mixing)
    found = model.fit_transform(X, y)
    points.append((lost(model, X_test), behind(found, model.transform(X_test))))

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.plot(*zip(*points, strict=True), "o-", label="autoencoder")
for mixing, point in zip(shares, points, strict=True):
    ax.annotate(f"{mixing:g}", point, xytext=(5, -12), textcoords="offset points")
pca = reducers["PCA"]
ax.plot(
    lost(pca, X_test), behind(codes["PCA"], pca.transform(X_test)), "s", label="PCA"
)
ax.set(
    xlabel="share of the variance lost (lower is better)",
    ylabel="digits told right",
    title="Two codes of digits, by mixing",
)
ax.legend()
plt.show()
