"""
Quick start
===========

`AutoencoderTransformer` stands where PCA stood: the same steps, the same methods, and
codes that may bend. Here it compresses a table of 30 measurements of cell nuclei, which
comes with scikit-learn, beside PCA with as many codes.
"""

# %%
# The columns have different units, so that they are scaled first, as for PCA. A quarter
# of the rows is held out.
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    AutoencoderTransformer,
    CodesDisplay,
    ExplainedVarianceDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

data = load_breast_cancer(as_frame=True)
diagnosis = data.target_names[data.target]
X_train, X_test, y_train, y_test = train_test_split(
    data.data, diagnosis, stratify=diagnosis, random_state=0
)
autoencoder = make_pipeline(
    StandardScaler(), AutoencoderTransformer(n_components=2, random_state=0)
)
autoencoder.fit(X_train)
pca = make_pipeline(StandardScaler(), PCA(n_components=2)).fit(X_train)

# %%
# Training starts as PCA, the dotted line, and goes down from there. Halfway, the rows
# that were held back to guard against overfitting are trained on too, and the learning
# rate starts anew: hence the bump.
LossCurveDisplay.from_estimator(autoencoder)
plt.show()

# %%
# `score` is the share of the variance that the codes explain, and `pca_score_` what PCA
# explains of the training rows with as many. There it is never above `score`.
print(f"training rows: autoencoder {autoencoder.score(X_train):.3f}", end=", ")
print(f"PCA {autoencoder[-1].pca_score_:.3f}")

# %%
# On rows that were held out one has to look. One fit for each number of codes: the more
# codes, the less is left for curves to explain.
ExplainedVarianceDisplay.from_estimator(autoencoder, X_train, X_test=X_test)
plt.show()

# %%
# The codes are centred, uncorrelated and ordered by what they explain, like principal
# components, and can be plotted like them. The shares on the axes add up to the score
# of the training rows; the points are held-out rows.

# sphinx_gallery_thumbnail_number = 3
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
CodesDisplay.from_estimator(autoencoder, X_test, y_test, ax=axes[0])
CodesDisplay.from_estimator(pca, X_test, y_test, ax=axes[1])
axes[0].set_title("autoencoder")
axes[1].set_title("PCA")
plt.show()

# %%
# Which columns do two codes keep? Points on the line are reconstructed exactly. These
# are held-out rows, in the units of the table: radius and concavity are kept, most of
# the texture is lost.
columns = ["mean radius", "mean texture", "mean concavity", "worst symmetry"]
ReconstructionDisplay.from_estimator(autoencoder, X_test, features=columns)
plt.show()

# %%
# More variance explained need not mean better predictions. A classifier behind two
# codes of either kind, in 5-fold cross-validation of all rows, is as accurate with
# PCA's:
for name, codes in (
    ("autoencoder", AutoencoderTransformer(n_components=2, random_state=0)),
    ("PCA", PCA(n_components=2)),
):
    model = make_pipeline(StandardScaler(), codes, LogisticRegression())
    scores = cross_val_score(model, data.data, diagnosis)
    print(f"{name:12} accuracy {scores.mean():.3f} (+- {scores.std():.3f})")
