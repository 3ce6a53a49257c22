"""
A head of one's own
===================

`to_torch` makes a torch module of a fitted autoencoder. A classifier on two codes,
first behind the codes as they are, then trained together with the encoder.
"""

# %%
# Images of digits, and two codes that know nothing of the digits' names.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.functional import cross_entropy

from sklearn_ae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
model = AutoencoderTransformer(2, max_iter=30, random_state=0).fit(X)
codes, codes_test = model.transform(X), model.transform(X_test)

# %%
# The head is a small network; it sees codes of unit variance. The loss is its
# cross-entropy plus the share of the images' variance that the codes lose, so that they
# stay codes of the images. `to_torch` gives a fresh copy each time, and the estimator
# stays as it is. With `together=False` the copy is left alone and only the head learns.
rows, names = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
variance = rows.var(dim=0, correction=0).sum()
unit = torch.tensor(codes.std(axis=0), dtype=torch.float32)


def trained(together, n_epochs=40):
    """Return a copy of the autoencoder and a head behind it."""
    torch.manual_seed(0)
    autoencoder = model.to_torch().requires_grad_(together)
    head = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 10))
    groups = [{"params": head.parameters(), "lr": 0.01}]
    if together:
        groups.append({"params": autoencoder.parameters(), "lr": 0.001})
    optimizer = torch.optim.AdamW(groups)
    for _ in range(n_epochs):
        for batch in torch.randperm(len(rows)).split(64):
            found = autoencoder.encode(rows[batch])
            loss = cross_entropy(head(found / unit), names[batch])
            if together:
                errors = (autoencoder.decode(found) - rows[batch]).square()
                loss = loss + errors.sum(dim=1).mean() / variance
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return autoencoder, head


# %%
# On held-out images: the digits that are told right, and the share of the variance that
# is lost on the way to the codes and back.


def evaluated(autoencoder, head):
    """Return codes, the share of right answers and the share of the variance lost."""
    held_out = torch.tensor(X_test, dtype=torch.float32)
    with torch.no_grad():
        found = autoencoder.encode(held_out)
        right = (head(found / unit).argmax(dim=1).numpy() == y_test).mean()
        errors = (autoencoder.decode(found) - held_out).square().sum()
    lost = errors / (held_out - rows.mean(dim=0)).square().sum()
    return found.numpy(), right, lost.item()


linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
print(f"all pixels, linear model    {linear.fit(X, y).score(X_test, y_test):.2f} right")
right, lost = linear.fit(codes, y).score(codes_test, y_test), 1 - model.score(X_test)
print(f"codes, linear model         {right:.2f} right, {lost:.2f} lost")

_, right, lost = evaluated(*trained(together=False))
print(f"codes, head                 {right:.2f} right, {lost:.2f} lost")
tuned, right, lost = evaluated(*trained(together=True))
print(f"codes and head, together    {right:.2f} right, {lost:.2f} lost")

# %%
# A linear model has little use for two codes, around whose middle the digits lie. A
# head that bends tells nearly 9 of 10 without changing a code. Training the encoder
# with it adds a few points more, for which the codes pull the digits apart and lose
# more of the images: how much of either is what the weight of the two losses decides.
# For the digits alone, a linear model of all pixels is better than any of them: this is
# for codes that have to be few, or for a head that scikit-learn does not have.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for ax, found, title in zip(
    axes, (codes_test, tuned), ("as fitted", "trained with the head"), strict=True
):
    points = ax.scatter(*found.T, c=y_test, cmap="tab10", s=10)
    ax.set(title=f"Codes {title}", xlabel="code 0", ylabel="code 1")
figure.colorbar(points, ax=axes, label="digit", ticks=np.arange(10))
plt.show()
