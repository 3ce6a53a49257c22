"""
Finding outliers
================

A row that is unlike the training data is reconstructed badly. `score_samples` is minus
the squared reconstruction error of each row, the higher the more usual, as in
scikit-learn's outlier detectors. PCA's reconstruction error serves the same end; which
of the two does better depends on the data: here are a case where the autoencoder is
ahead, and one where neither is.
"""

# %%
# First case: images of nine of the ten handwritten digits, and the tenth is unknown.
# Each digit takes its turn to be the unknown one. With ten codes, the autoencoder and
# PCA are fitted to two thirds of the images of known digits; the remaining third and
# all images of the unknown digit are then ranked by their reconstruction error.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay


def pca_scores(pca, rows):
    """Return minus PCA's squared reconstruction error of each row."""
    errors = rows - pca.inverse_transform(pca.transform(rows))
    return -np.sum(errors**2, axis=1)


def rank(usual, unusual, n_components, scale):
    """Fit to usual rows; return which of the others are usual, and their scores."""
    X_train, X_test = train_test_split(usual, test_size=1 / 3, random_state=0)
    scaler = StandardScaler(with_mean=scale, with_std=scale).fit(X_train)
    X_train = scaler.transform(X_train)
    X_mixed = scaler.transform(np.concatenate([X_test, unusual]))
    is_usual = np.repeat([True, False], [len(X_test), len(unusual)])
    autoencoder = AutoencoderTransformer(n_components, random_state=0).fit(X_train)
    pca = PCA(n_components).fit(X_train)
    scores = {
        "autoencoder": autoencoder.score_samples(X_mixed),
        "PCA": pca_scores(pca, X_mixed),
    }
    return is_usual, scores


digits, labels = load_digits(return_X_y=True)
areas = {"autoencoder": [], "PCA": []}
curves = {}
for unknown in range(10):
    known = labels != unknown
    is_usual, scores = rank(digits[known], digits[~known], 10, scale=False)
    for name, score in scores.items():
        areas[name].append(roc_auc_score(is_usual, score))
    curves[unknown] = is_usual, scores

# %%
# The area under the ROC curve is 1 where every image of the unknown digit has a larger
# error than every image of the known ones, and 0.5 where the error says nothing.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for (name, values), marker in zip(areas.items(), "os", strict=True):
    axes[0].plot(range(10), values, marker, label=name)
    print(f"{name:12} mean area {np.mean(values):.3f}, smallest {np.min(values):.3f}")
axes[0].set(xlabel="unknown digit", ylabel="area under the ROC curve", xticks=range(10))
axes[0].legend()
is_usual, scores = curves[1]
for (name, score), linestyle in zip(scores.items(), ("-", "--"), strict=True):
    # Low scores mark outliers, which are what is to be found.
    false_alarms, found, _ = roc_curve(~is_usual, -score)
    axes[1].plot(false_alarms, found, linestyle, label=name)
axes[1].set(xlabel="share of known digits flagged", ylabel="share of ones found")
axes[1].legend()
axes[1].set_title("The digit 1 is unknown")
plt.show()

# %%
# An image of a digit that was never seen comes back as the digits that were would have
# it. The first ones, encoded and decoded without having been trained on, are broader
# and have strokes of other digits:
without_ones = AutoencoderTransformer(10, random_state=0).fit(digits[labels != 1])
ReconstructionDisplay.from_estimator(
    without_ones, digits[labels == 1], image_shape=(8, 8)
)
plt.show()

# %%
# Second case: benign tumours are usual, malignant ones are to be found, in standardised
# measurements. Here neither is ahead: with five codes it is the autoencoder by a
# little, with two and ten it is PCA.
data = load_breast_cancer()
usual, unusual = data.data[data.target == 1], data.data[data.target == 0]
for n_components in (2, 5, 10):
    is_usual, scores = rank(usual, unusual, n_components, scale=True)
    print(f"{n_components:2} codes:", end=" ")
    for name, score in scores.items():
        print(f"{name} {roc_auc_score(is_usual, score):.3f}", end="  ")
    print()
