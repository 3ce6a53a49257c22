"""
A table with categories
=======================

Numbers and categories in one table: `TableEncoder` turns them into a matrix for the
autoencoder, and the codes back into a table. Here it is shown what that is good for: a
look at the codes, empty cells that are filled, and rows that are unlike the others.
"""

# %%
# Abalones: sizes and weights of shells, the number of rings, and the sex, of which "I"
# stands for infant. The table is UCI's (Nash et al. 1994, CC BY 4.0), from the folder
# that the environment variable `DATA` names or from OpenML; without either, iris
# flowers take its place, and then the figures are others.
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import fetch_openml, load_iris
from sklearn.pipeline import make_pipeline

from sklearn_ae import AutoencoderImputer, AutoencoderTransformer, TableEncoder


def load_table():
    """Return a table whose first column is a category."""
    path = Path(os.environ.get("DATA", ""), "mixed", "abalone.csv.gz")
    if path.is_file():
        return pd.read_csv(path).astype({"Sex": "category"})
    warnings.filterwarnings("ignore", "A network error")
    try:
        return fetch_openml("abalone", version=1, parser="auto").frame
    except OSError:
        frame = load_iris(as_frame=True).frame
        species = frame.pop("target").map(
            {0: "setosa", 1: "versicolor", 2: "virginica"}
        )
        frame.insert(0, "species", species.astype("category"))
        return frame


table = load_table().sample(frac=1, random_state=0, ignore_index=True).head(3000)
category = table.columns[0]
print(table.dtypes)

# %%
# Two codes for all columns. `score` is the share of the variance of the encoded matrix
# that is explained, and `pca_score_` what PCA explains of it with as many codes.
model = make_pipeline(TableEncoder(), AutoencoderTransformer(2, random_state=0))
codes = model.fit_transform(table)
autoencoder = model[-1]
print(f"explained: {autoencoder.score(model[0].transform(table)):.3f}")
print(f"by PCA:    {autoencoder.pca_score_:.3f}")

for name, rows in table.groupby(category, observed=True):
    plt.scatter(*codes[rows.index].T, s=6, alpha=0.5, label=f"{name}")
plt.xlabel("code 1")
plt.ylabel("code 2")
plt.legend(title=category, markerscale=3)
plt.title("Codes of all columns, coloured by the category")
plt.show()

# %%
# The way back gives a table of the same columns and dtypes.
restored = model.inverse_transform(codes)
print(restored.head(3).to_string())
print((restored.dtypes == table.dtypes).all())

# %%
# Empty cells. A fifth of them is taken away; `AutoencoderImputer` fills them, and
# leaves the others exactly as they are. With the columns' means instead, the error of
# numbers would be 1 standard deviation, and the commonest category would be right as
# often as the second figure says.
rng = np.random.default_rng(0)
is_empty = rng.random(table.shape) < 0.2
numbers = table.columns[1:]
holes = table.astype(dict.fromkeys(numbers, float)).mask(is_empty)
filled = AutoencoderImputer(random_state=0).fit_transform(holes)

errors = (filled[numbers] - table[numbers]) / table[numbers].std()
error = np.sqrt(np.nanmean(errors.where(is_empty[:, 1:]) ** 2))
right = (filled[category] == table[category])[is_empty[:, 0]].mean()
commonest = table[category].value_counts(normalize=True).max()
print(f"numbers: an error of {error:.2f} standard deviations")
print(f"categories: {right:.2f} right; of the commonest {commonest:.2f}")

# %%
# Odd rows have low `score_samples`: those whose numbers do not go with each other, as a
# shell that has hardly any height.
scores = autoencoder.score_samples(model[0].transform(table))
print(table.iloc[np.argsort(scores)[:3]].to_string())
