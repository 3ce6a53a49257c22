"""
Samples of a table
==================

`TableSampler` draws new rows of a table from a density of its codes. Here are
measurements of tumours with the diagnosis as a category: what samples look like, and
how well a classifier tells them from rows.
"""

# %%
# The table has thirty measurements and the diagnosis. Two thirds of the rows are for
# the fit; the others are for comparison.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_ae import AutoencoderTransformer, TableEncoder, TableSampler

table = load_breast_cancer(as_frame=True).frame
table["target"] = table["target"].map({0: "malignant", 1: "benign"})
train, test = train_test_split(table, test_size=1 / 3, random_state=0)
model = make_pipeline(TableEncoder(), AutoencoderTransformer(6, random_state=0))
sampler = TableSampler(model, random_state=0).fit(train)
samples = sampler.sample(len(test))
print(samples[["mean radius", "mean area", "worst texture", "target"]].head())

# %%
# Rows that the fit has not seen, beside as many samples: two pairs of columns, coloured
# by the diagnosis. The area follows the radius in both.
pairs = [("mean radius", "mean area"), ("worst texture", "worst concave points")]
colors = {"benign": "C0", "malignant": "C3"}
figure, axes = plt.subplots(2, 2, figsize=(9, 7), sharex="row", sharey="row")
for row, (x, y) in zip(axes, pairs, strict=True):
    for ax, (title, rows) in zip(
        row, {"held-out rows": test, "samples": samples}.items(), strict=True
    ):
        for name, color in colors.items():
            group = rows[rows["target"] == name]
            ax.scatter(group[x], group[y], s=10, alpha=0.7, color=color, label=name)
        ax.set(title=title, xlabel=x, ylabel=y)
axes[0, 0].legend()
figure.tight_layout()
plt.show()

# %%
# A random forest is to tell samples from held-out rows. An AUC of 0.5 is a coin's, and
# training rows are as hard to tell. With `residuals=None` samples are what codes decode
# to, which is easier to tell.


def told_apart(samples):
    """Return the AUC of a classifier that tells samples from held-out rows."""
    both = pd.get_dummies(pd.concat([test, samples]))
    is_sample = np.repeat([0, 1], [len(test), len(samples)])
    forest = RandomForestClassifier(random_state=0)
    return cross_val_score(forest, both, is_sample, cv=5, scoring="roc_auc").mean()


smooth = TableSampler(model, residuals=None, random_state=0).fit(train)
print(f"training rows              AUC {told_apart(train[: len(test)]):.2f}")
print(f"samples                    AUC {told_apart(samples):.2f}")
print(f"samples without residuals  AUC {told_apart(smooth.sample(len(test))):.2f}")

# %%
# A classifier of diagnoses that is fitted to samples, and judged on held-out rows,
# beside one that is fitted to the training rows.
for name, rows in {"training rows": train, "samples": sampler.sample(1000)}.items():
    forest = RandomForestClassifier(random_state=0)
    forest.fit(rows.drop(columns="target"), rows["target"])
    score = forest.score(test.drop(columns="target"), test["target"])
    print(f"fitted to {name:14} {score:.3f} right")
