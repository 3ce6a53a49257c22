"""The variational network: draws, divergence and its part in the loss."""

import math
import re
from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.distributions import Normal, kl_divergence

from sklearn_ae import AutoencoderTransformer, TableSampler
from sklearn_ae.networks import Variational

PARTS = ("elbo", "reconstruction", "divergence")


def variational(n_components=2, **parameters):
    given = {"hidden_layer_sizes": (32,), "batch_size": 32, "alpha": 0.0}
    given |= {"module": Variational, "init": "random", "random_state": 0}
    return AutoencoderTransformer(n_components, **{**given, **parameters})


@pytest.fixture
def rows():
    """Rows of ten columns, as a network is given them."""
    return torch.randn(50, 10, generator=torch.Generator().manual_seed(0))


def of_step(rows, **parameters):
    """Return a network, the parts of its loss by torch, and its penalty of a step."""
    torch.manual_seed(0)
    network = Variational(10, 3, hidden_layer_sizes=(8,), **parameters).train()
    mean, log_variance = network.posterior(rows)
    posterior = Normal(mean, (log_variance / 2).exp())
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(dim=1)
    reconstruction = network.decode(network.encode(rows))
    loss = (reconstruction - rows).square().sum(dim=1).mean()
    found = (reconstruction, divergence, loss, network.penalty(loss))
    return network, *(part.detach() for part in found)


@pytest.mark.parametrize("variance", ["auto", 0.3])
def test_penalty_and_record_are_the_closed_forms(rows, variance):
    given = {"beta": 3.0, "variance": variance, "n_annealing_steps": 0}
    network, found, divergence, loss, penalty = of_step(rows, **given)
    known = float(loss) / 10 if variance == "auto" else variance
    assert_allclose(penalty, 2 * known * 3 * divergence, rtol=1e-5)
    likelihood = Normal(found, math.sqrt(known)).log_prob(rows).sum(dim=1).mean()
    parts = likelihood - divergence.mean(), likelihood, divergence.mean()
    record = network.epoch_record()
    assert tuple(record) == PARTS
    assert_allclose(list(record.values()), [float(p) for p in parts], rtol=1e-5)
    # A step later only what came since then counts.
    network.encode(rows)
    network.penalty(2 * loss)
    assert network.epoch_record()["elbo"] != record["elbo"]


def test_loss_that_is_a_likelihood_is_taken_as_it_is(rows):
    given = {"variance": None, "n_annealing_steps": 1}
    network, _, divergence, loss, penalty = of_step(rows, **given)
    assert_allclose(penalty, divergence, rtol=1e-5)
    assert network.epoch_record()["reconstruction"] == pytest.approx(-float(loss))


def test_divergence_costs_more_and_more(rows):
    network, _, _, loss, first = of_step(rows, n_annealing_steps=4)
    shares = [1.0]
    for _ in range(5):
        network.encode(rows)
        shares.append(float(network.penalty(loss).detach().sum() / first.sum()))
    assert_allclose(shares, [1, 2, 3, 4, 4, 4], rtol=1e-5)


def test_codes_are_drawn_in_training_alone(rows):
    network = Variational(10, 3)
    drawn = torch.stack([network.train().encode(rows) for _ in range(2000)])
    mean, log_variance = network.posterior(rows)
    assert_allclose(drawn.mean(dim=0).detach(), mean.detach(), atol=0.15)
    assert_allclose(drawn.var(dim=0).detach(), log_variance.exp().detach(), rtol=0.3)
    assert torch.equal(network.eval().encode(rows), mean)


def test_copies_between_encoding_and_penalty(rows):
    network = Variational(10, 3).train()
    network.encode(rows)
    assert torch.equal(deepcopy(network).posterior(rows)[0], network.posterior(rows)[0])


def test_history_has_the_bound_and_its_parts(curved):
    history = variational(max_iter=20).fit(curved).net_.history
    elbo, reconstruction, divergence = (np.array(history[:, name]) for name in PARTS)
    assert_allclose(elbo, reconstruction - divergence, rtol=1e-4, atol=1e-4)
    assert divergence.min() > 0
    assert elbo[-1] > elbo[0] + 1


def test_linear_network_comes_to_probabilistic_pca():
    """Its bound is then the likelihood of PCA (Lucas et al., 2019, NeurIPS)."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 2)) * [2, 1] @ rng.normal(size=(2, 6))
    X += 0.5 * rng.normal(size=X.shape)
    given = {"hidden_layer_sizes": (), "learning_rate_init": 0.003}
    model = variational(max_iter=120, **given).fit(X)
    pca = PCA(2).fit(X)
    assert model.net_.history[-1, "elbo"] == pytest.approx(pca.score(X), abs=0.1)
    assert model.score(X) == pytest.approx(
        pca.explained_variance_ratio_.sum(), abs=0.02
    )


def test_it_comes_near_the_network_that_draws_nothing(curved):
    free = variational(module=None, max_iter=60).fit(curved)
    drawn = variational(max_iter=60).fit(curved)
    assert 1 - drawn.score(curved) < 0.7 * (1 - drawn.pca_score_)
    assert 1 - drawn.score(curved) < 3 * (1 - free.score(curved))


def test_beta_buys_smaller_divergence(curved):
    found = [
        variational(max_iter=60, module__beta=beta).fit(curved).net_.history
        for beta in (0.2, 1.0, 5.0)
    ]
    divergences = [history[-1, "divergence"] for history in found]
    assert divergences[0] > 1.3 * divergences[1] > 1.6 * divergences[2]


def test_same_seed_gives_the_same_bits_and_leaves_the_global_generator(curved):
    before = torch.get_rng_state()
    first, second, other = (
        variational(random_state=seed, max_iter=3).fit_transform(curved)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-6
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"noise": 0.1},
        {"nested_dropout": 0.3},
        {"loss": "huber"},
        {"warm_start": True},
    ],
    ids=str,
)
def test_with_other_parameters(curved, changes):
    model = variational(max_iter=20, **changes).fit(curved).fit(curved)
    assert model.score(curved) > 0
    assert model.n_iter_ == len(model.net_.history)


def test_shares_and_log_loss(curved):
    X = (curved - curved.min(axis=0)) / np.ptp(curved, axis=0)
    given = {"loss": "log_loss", "output_activation": "logistic", "max_iter": 20}
    model = variational(module__variance=None, **given).fit(X)
    assert np.abs(model.inverse_transform(model.transform(X)) - 0.5).max() <= 0.5
    assert model.score(X) > 0.3


def test_normal_codes_are_rows_when_whitened(curved):
    model = variational(whiten=True, max_iter=60).fit(curved)
    codes = np.random.default_rng(0).standard_normal((2000, 2))
    drawn = model.inverse_transform(codes)
    assert_allclose(drawn.mean(axis=0), curved.mean(axis=0), atol=0.25)
    together = np.corrcoef(np.cov(drawn.T).ravel(), np.cov(curved.T).ravel())
    assert together[0, 1] > 0.9


def test_samples_by_a_mixture(curved):
    model = make_pipeline(StandardScaler(), variational(max_iter=10))
    samples = TableSampler(model, random_state=0).fit(curved).sample(30)
    assert samples.shape == (30, 12)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"init": "pca"}, "module=Variational needs init='random'"),
        ({"module__beta": -1.0}, "beta=-1.0 has to be at least 0"),
        ({"module__beta": "1"}, "beta='1' has to be at least 0"),
        ({"module__variance": 0.0}, "variance=0.0 has to be 'auto', a number above 0"),
        ({"module__variance": "all"}, "variance='all' has to be 'auto'"),
    ],
)
def test_wrong_arguments(curved, parameters, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        variational(**parameters).fit(curved)
