"""
Series and their reconstructions
================================

Series are rows too, a step a column. `Recurrent` reads them step by step, `Transformer`
compares stretches of them; the built-in network and PCA do not know that one step comes
after another. All four get three codes, for series of which three factors are known.
"""

# %%
# Each series has a pulse, and noise. The factors are when the pulse comes, how high it
# is and how wide. A third of the series is held out.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor

from sklearn_ae import AutoencoderTransformer
from sklearn_ae.networks import Recurrent, Transformer

rng = np.random.default_rng(0)
n_series, n_steps = 1200, 32
factors = {
    "time": rng.uniform(0, 0.8, n_series),
    "height": rng.uniform(0.5, 1.5, n_series),
    "width": rng.uniform(0.05, 0.2, n_series),
}
time, height, width = (factor[:, None] for factor in factors.values())
distance = np.abs(np.linspace(0, 1, n_steps) - time)
pulses = height * np.exp(-distance / width)
X = (pulses + rng.normal(scale=0.1, size=pulses.shape)).astype(np.float32)
train, test = train_test_split(np.arange(n_series), test_size=1 / 3, random_state=0)

# %%
# Networks other than the built-in one start from random weights here. A row of more
# than one value a step, as `(n_steps, n_channels)` in C order, would take
# `module__n_channels`.
models = {
    "recurrent": AutoencoderTransformer(
        3,
        module=Recurrent,
        module__hidden_size=48,
        init="random",
        learning_rate_init=0.01,
        max_iter=50,
        random_state=0,
    ),
    "transformer": AutoencoderTransformer(
        3,
        module=Transformer,
        module__patch_size=4,
        module__d_model=32,
        module__num_layers=1,
        init="random",
        learning_rate_init=0.005,
        max_iter=50,
        random_state=0,
    ),
    "built-in": AutoencoderTransformer(3, random_state=0),
    "PCA": PCA(3),
}
restored = {}
for name, model in models.items():
    restored[name] = model.inverse_transform(model.fit(X[train]).transform(X[test]))

# %%
# How far is what comes back from the pulse without its noise? The root mean square of
# the noise itself stands first: below it, codes have kept the pulse and dropped noise.
errors = {
    name: np.sqrt(np.mean((rows - pulses[test]) ** 2))
    for name, rows in {"series": X[test], **restored}.items()
}
for name, error in errors.items():
    print(f"{name:12} error {error:.3f}")

# %%
# Five held-out series, from the earliest pulse to the latest:
order = np.argsort(factors["time"][test])
chosen = order[np.linspace(20, len(test) - 21, 5).astype(int)]
figure, axes = plt.subplots(
    4, 5, figsize=(9, 6), sharex=True, sharey=True, layout="constrained"
)
for line, (name, rows) in zip(axes, restored.items(), strict=True):
    for ax, i in zip(line, chosen, strict=True):
        ax.plot(X[test][i], ".", color="0.6", markersize=4, label="series")
        ax.plot(pulses[test][i], color="0.6", linewidth=1, label="without noise")
        ax.plot(rows[i], color="tab:blue", label="reconstruction")
    line[0].set_ylabel(f"{name}\nerror {errors[name]:.3f}")
handles, labels = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
figure.supxlabel("step")
plt.show()

# %%
# Three codes for three factors, but is each of these in them? R2 of held-out series,
# of a regression on the nearest codes: 1 where a factor can be read off the codes.
print(f"{'':12}", *(f"{name:>8}" for name in factors))
for name, model in models.items():
    codes = model.transform(X)
    scores = [
        KNeighborsRegressor(10)
        .fit(codes[train], factor[train])
        .score(codes[test], factor[test])
        for factor in factors.values()
    ]
    print(f"{name:12}", *(f"{score:8.2f}" for score in scores))
