"""
New digits
==========

A variational autoencoder learns codes that are near a standard normal distribution, so
that normal random numbers are decoded to new digits. Any other autoencoder makes new
digits too, once a density is fitted to its codes. Here are both, and walks between two
digits.
"""

# %%
# scikit-learn's digits: 1797 images of 8 x 8 pixels, as rows of numbers between 0 and
# 1. A third is held out for comparison.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from sklearn_ae import AutoencoderTransformer, TableSampler
from sklearn_ae.networks import Variational

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, _ = train_test_split(
    X / 16, y, test_size=1 / 3, random_state=0
)

# %%
# In training the codes are drawn, and their divergence from N(0, I) is paid for, here
# four times. It regularises enough, hence no weight decay. With `whiten=True` codes
# have the mean 0 and the variance 1 of the normal numbers that are to replace them. The
# default autoencoder is for comparison: it knows of no such distribution.
variational = AutoencoderTransformer(
    10,
    module=Variational,
    module__beta=4.0,
    module__n_annealing_steps=500,
    init="random",
    whiten=True,
    learning_rate_init=0.003,
    alpha=0.0,
    max_iter=120,
    random_state=0,
).fit(X_train)
default = AutoencoderTransformer(10, whiten=True, random_state=0).fit(X_train)

# %%
# The history has the evidence lower bound and its two parts: the log-likelihood of the
# digits, less the divergence of their codes. The price of the divergence rises in the
# first 500 steps, some 30 epochs. So codes are used at first, from the tenth epoch on
# more sparingly, and once the price stays, both parts rise.
names = ("reconstruction", "divergence", "elbo")
history = variational.net_.history
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name in names:
    ax.plot(history[:, "epoch"], history[:, name], label=name)
ax.set(xlabel="epoch", ylabel="nats a digit", ylim=(-10, None))
ax.legend()
for epoch in (1, 10, 30, 120):
    parts = (f"{name} {history[epoch - 1, name]:5.1f}" for name in names)
    print(f"epoch {epoch:3}: {', '.join(parts)}")
plt.show()

# %%
# New digits, each way: from normal codes, and from codes that a Gaussian mixture draws,
# which `TableSampler` fits to those of the training rows.
n_samples = len(X_test)
normal = np.random.default_rng(0).standard_normal((n_samples, 10))
models = {"variational": variational, "default": default}
digits = {"held out": X_test}
for name, model in models.items():
    sampler = TableSampler(model, residuals=None, random_state=0).fit(X_train)
    digits[f"{name}, normal"] = model.inverse_transform(normal)
    digits[f"{name}, mixture"] = sampler.sample(n_samples)


def show(ax, digit):
    """Draw a digit as an image."""
    ax.imshow(digit.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])


figure, axes = plt.subplots(len(digits), 12, figsize=(9, 4), layout="constrained")
for line, (name, rows) in zip(axes, digits.items(), strict=True):
    for ax, digit in zip(line, rows, strict=False):
        show(ax, digit)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

# %%
# How much are they like digits? A random forest that was fitted to the training digits
# is surest where an image is plainly one of them, and the distance to the nearest
# training digit is small near these, and 0 for a copy. Normal codes suit the
# variational network better than the default one, which leaves the digits most; but
# for both a mixture suits better, as codes lie in groups even where they are drawn
# towards a normal distribution.
forest = RandomForestClassifier(random_state=0).fit(X_train, y_train)
neighbours = NearestNeighbors(n_neighbors=1).fit(X_train)


def sureness(rows):
    """Return the mean probability of the class that the forest finds."""
    return forest.predict_proba(rows).max(axis=1).mean()


for name, rows in digits.items():
    distance = neighbours.kneighbors(rows)[0]
    print(
        f"{name:20} sureness {sureness(rows):.2f}, distance {np.median(distance):.2f}, "
        f"smallest {distance.min():.2f}"
    )

# %%
# Its price is in what the codes explain of held-out digits:
for name, model in models.items():
    print(f"{name:12} share of variance {model.score(X_test):.3f}")

# %%
# Walks between two held-out digits in eight steps: of the pixels, and of the codes of
# both networks. Half-way between pixels there are two pale digits, one upon the other.
# What the variational network decodes there is more like one digit: the forest is surer
# of it, on average over pairs of held-out digits. Codes of the default network were
# never asked to be filled between digits, and help little.

# sphinx_gallery_thumbnail_number = 3
ends, steps = X_test[[0, 3]], np.linspace(0, 1, 8)[:, None]
pairs = X_test[:-1], X_test[1:]
figure, axes = plt.subplots(3, 8, figsize=(7, 2.8), layout="constrained")
for line, (name, model) in zip(axes, {"pixels": None, **models}.items(), strict=True):
    first, last = ends if model is None else model.transform(ends)
    walk = first + steps * (last - first)
    middle = sum(pairs if model is None else map(model.transform, pairs)) / 2
    if model is not None:
        walk, middle = map(model.inverse_transform, (walk, middle))
    for ax, digit in zip(line, walk, strict=True):
        show(ax, digit)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    print(f"{name:12} sureness half-way {sureness(middle):.2f}")
plt.show()
