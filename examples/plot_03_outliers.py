"""
Finding outliers
================

A row that is unlike the others is reconstructed badly. Two cases differ in what is
known before: in the first, a transformer is fitted to rows that are known to be usual,
and `score_samples` then tells new rows from them. In the second nobody knows which of
the rows are odd; `AutoencoderOutlierDetector` is for these.
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
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ReconstructionDisplay,
)


def pca_scores(pca, rows):
    """Return minus PCA's squared reconstruction error of each row."""
    errors = rows - pca.inverse_transform(pca.transform(rows))
    return -np.sum(errors**2, axis=1)


def rank(usual, unusual, n_components):
    """Fit to usual rows; return which of the others are usual, and their scores."""
    X_train, X_test = train_test_split(usual, test_size=1 / 3, random_state=0)
    X_mixed = np.concatenate([X_test, unusual])
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
    is_usual, scores = rank(digits[known], digits[~known], 10)
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
# Second case: measurements of benign tumours, and of twenty malignant ones among them.
# All are fitted to, so that the network learns the odd rows too, and reconstructs them
# as well as others: `score_samples` of rows that were trained on hides them. The
# detector scores each row by networks that have not seen it, adds how unusual its codes
# are, and does not train on the tenth of the rows that look odd at first. It also takes
# other transformers, such as PCA.
data = load_breast_cancer()
benign, malignant = data.data[data.target == 1], data.data[data.target == 0]
areas = {}
for seed in range(3):
    chosen = np.random.default_rng(seed).permutation(malignant)[:20]
    X = StandardScaler().fit_transform(np.concatenate([benign, chosen]))
    is_malignant = np.repeat([False, True], [len(benign), len(chosen)])
    detector = AutoencoderOutlierDetector(random_state=seed).fit(X)
    n_components = detector.transformer_.n_components_
    around_pca = AutoencoderOutlierDetector(PCA(n_components), random_state=seed)
    autoencoder = AutoencoderTransformer(n_components, random_state=seed).fit(X)
    scores = {
        "autoencoder": autoencoder.score_samples(X),
        "PCA": pca_scores(PCA(n_components).fit(X), X),
        "IsolationForest": IsolationForest(random_state=seed).fit(X).score_samples(X),
        "detector, PCA": around_pca.fit(X).held_out_scores_,
        "detector": detector.held_out_scores_,
    }
    for name, score in scores.items():
        area = roc_auc_score(is_malignant, -score)
        areas.setdefault(name, []).append(area)
for name, values in areas.items():
    shown = "  ".join(f"{value:.3f}" for value in values)
    print(f"{name:16} area in three draws: {shown}")

# %%
# On the left the areas of the three draws: malignant tumours are large, which needs no
# curves, and so `IsolationForest` and the detector around PCA, which take a fraction of
# a second, do as well as the one with an autoencoder. On the right what the latter says
# of the rows of the last draw, in units of the median distance; left of the line,
# `offset_`, are the rows for which `fit_predict` returns -1.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for position, values in enumerate(areas.values()):
    axes[0].plot(values, np.full(3, position), "o", color="C0")
axes[0].axvline(0.5, color="grey", linestyle=":")
axes[0].set(yticks=range(len(areas)), yticklabels=list(areas))
axes[0].set(xlabel="area under the ROC curve", xlim=(0, 1))
groups = {"benign": ~is_malignant, "malignant": is_malignant}
bins = np.linspace(detector.held_out_scores_.min(), 0, 40)
for name, rows in groups.items():
    axes[1].hist(detector.held_out_scores_[rows], bins, alpha=0.6, label=name)
axes[1].axvline(detector.offset_, color="black", linestyle="--", label="offset_")
axes[1].set(xlabel="held_out_scores_", ylabel="rows", yscale="log")
axes[1].legend()
plt.show()
