"""
In a pipeline, with a grid search
=================================

The transformer is one step among others: here it compresses some columns of a table,
inside a `ColumnTransformer`, and `GridSearchCV` chooses the number of codes. PCA would
be used alike, and stands beside it.
"""

# %%
# A made-up table. Three hidden quantities are each measured by 20 sensors, of which
# each responds to a range of its own: 60 columns that follow three quantities along
# curves. One more column names the site, which adds an offset to the target; otherwise
# this is the sum of the three quantities.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_ae import AutoencoderTransformer

rng = np.random.default_rng(0)
n_samples = 600
quantities = rng.uniform(-1, 1, (n_samples, 3))
centres = np.tile(np.linspace(-1, 1, 20), 3)
response = np.exp(-(((quantities.repeat(20, axis=1) - centres) / 0.3) ** 2))
response += 0.05 * rng.standard_normal(response.shape)
site = rng.integers(0, 3, n_samples)
y = quantities.sum(axis=1) + np.array([0.0, 0.5, -0.3])[site]

sensors = [f"sensor {j}" for j in range(60)]
X = pd.DataFrame(response, columns=sensors)
X["site"] = np.array(["A", "B", "C"])[site]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

plt.figure(figsize=(6.4, 3), layout="constrained")
for j, marker in ((4, "."), (10, "x"), (15, "+")):
    plt.plot(quantities[:, 0], X[sensors[j]], marker, label=sensors[j], markersize=4)
plt.xlabel("first hidden quantity")
plt.ylabel("response")
plt.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
plt.show()


# %%
# The sensors, all in one unit, go through the codes, the site through a one-hot
# encoding, and a linear model reads both. `n_components` of the step inside is a
# parameter of the whole.
def search(codes):
    """Search the number of codes for a linear model behind them."""
    columns = ColumnTransformer(
        [("sensors", codes, sensors), ("site", OneHotEncoder(), ["site"])]
    )
    grid = {"columntransformer__sensors__n_components": [1, 2, 3, 4, 6, 9]}
    return GridSearchCV(make_pipeline(columns, LinearRegression()), grid, cv=3)


searches = {
    "autoencoder": search(AutoencoderTransformer(random_state=0)),
    "PCA": search(PCA()),
}
for name, grid in searches.items():
    grid.fit(X_train, y_train)
    (chosen,) = grid.best_params_.values()
    score = grid.score(X_test, y_test)
    print(f"{name:12} {chosen} codes, R2 of held-out rows {score:.3f}")

# %%
# R2 against the number of codes, in the cross-validation of the grid search. There are
# three hidden quantities, and three codes are best: a linear model can nearly read the
# target off them, where PCA needs nine for less. But more codes are not better: with
# six, the autoencoder explains more of the sensors than PCA, and predicts worse,
# because codes that bend need not be straight functions of what is wanted. So it is
# worth a search.

# sphinx_gallery_thumbnail_number = 2
looks = {"autoencoder": "o-", "PCA": "s--"}
plt.figure(layout="constrained")
for name, grid in searches.items():
    (sizes,) = grid.param_grid.values()
    plt.plot(sizes, grid.cv_results_["mean_test_score"], looks[name], label=name)
plt.xlabel("number of codes")
plt.ylabel("R2 (3-fold cross-validation)")
plt.legend()
plt.show()

# %%
# The best model has been fitted to all training rows and is one estimator: table in,
# predictions out. Its parts remain within reach.
columns = searches["autoencoder"].best_estimator_["columntransformer"]
codes = columns.named_transformers_["sensors"]
print(f"share of the sensors' variance explained: {codes.score(X_test[sensors]):.3f}")
print(columns.get_feature_names_out())
