"""
One factor behind four columns
==============================

Four columns follow one hidden factor along a curve: its square, its cube, its sine and
its exponential. PCA needs three codes for them; the autoencoder needs one. The case is
published with a validation MSE of 0.0276 and a largest absolute error of 0.8966 after
69 epochs, with hidden layers (100, 100, 100) and batches of 32 rows.
"""

# %%
# The data: 10,000 values of the factor, uniform on [-5, 5]. Columns are left as they
# are, in very different units.
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_ae import AutoencoderTransformer

factor = np.random.RandomState(0).uniform(-5, 5, 10_000)
names = ["square", "cube", "sine", "exponential"]
X = np.column_stack([factor**2, factor**3, np.sin(factor), np.exp(factor)])
X_train, X_test, _, factor_test = train_test_split(
    X, factor, test_size=0.2, random_state=0
)

# %%
# PCA with one code, and the autoencoder with the published layers and batches.
pca = PCA(n_components=1).fit(X_train)
autoencoder = AutoencoderTransformer(
    n_components=1,
    hidden_layer_sizes=(100, 100, 100),
    batch_size=32,
    max_iter=70,
    learning_rate_init=0.002,
    random_state=0,
).fit(X_train)


def reconstruct(model, rows):
    """Encode and decode rows."""
    return model.inverse_transform(model.transform(rows))


for name, model in (("PCA", pca), ("autoencoder", autoencoder)):
    error = reconstruct(model, X_test) - X_test
    print(
        f"{name:12} validation MSE {np.mean(error**2):.6f}, "
        f"largest error {np.abs(error).max():.4f}"
    )

# %%
# The code is a smooth, one-to-one function of the hidden factor, and each column is
# reconstructed along its curve. PCA's code can only move along one straight line.
import matplotlib.pyplot as plt  # noqa: E402

order = np.argsort(factor_test)
z = factor_test[order]
bent, straight = (reconstruct(model, X_test)[order] for model in (autoencoder, pca))

figure, axes = plt.subplots(1, 5, figsize=(13, 3), layout="constrained")
axes[0].plot(z, autoencoder.transform(X_test)[order], color="tab:blue")
axes[0].set(xlabel="hidden factor", ylabel="code", title="code")
for j, axis in enumerate(axes[1:]):
    axis.plot(z, X_test[order, j], color="0.75", linewidth=5, label="data")
    axis.plot(z, bent[:, j], color="tab:blue", label="autoencoder")
    axis.plot(z, straight[:, j], color="tab:orange", linestyle="--", label="PCA")
    axis.set(xlabel="hidden factor", title=names[j])
axes[1].legend()
plt.show()
