"""PCA with a correction in closed form: cheap rivals of a trained network.

The scores of PCA, or of other principal directions, are the codes; a ridge regression
on features of the scores predicts what they leave of the columns. Its penalty is chosen
by the leave-one-out errors of the training rows.
"""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = np.logspace(-3, 6, 10)
N_COSINES = 512
# The greedy choice fits each candidate anew, so that it sees no more rows than this.
GREEDY_ROWS = 2000
CANDIDATES = 2  # directions to choose among, for each that is chosen


def products(scores: np.ndarray) -> np.ndarray:
    """Multiply all pairs of columns, each with itself too."""
    first, second = np.triu_indices(scores.shape[1])
    return scores[:, first] * scores[:, second]


class QuadraticManifold(TransformerMixin, BaseEstimator):
    """PCA, corrected by squares and products of its scores.

    References
    ----------
    .. [1] R. Geelen, S. Wright and K. Willcox, "Operator inference for non-intrusive
       model reduction with quadratic manifolds", 2022.
    """

    def __init__(self, n_components: int = 2, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: object = None) -> "QuadraticManifold":
        """Choose directions, then regress what they leave on features of the scores."""
        self.mean_ = X.mean(axis=0)
        self.components_ = self._directions(X - self.mean_)
        scores = self.transform(X)
        self.scale_ = scores.std(axis=0)
        self._draw()
        left = X - self.mean_ - scores @ self.components_
        self.regression_ = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
        self.regression_.fit(self._features(scores), left)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Project onto the directions."""
        return (X - self.mean_) @ self.components_.T

    def inverse_transform(self, codes: np.ndarray) -> np.ndarray:
        """Add the prediction of what the directions leave."""
        left = self.regression_.predict(self._features(codes))
        return self.mean_ + codes @ self.components_ + left

    def _directions(self, X: np.ndarray) -> np.ndarray:
        """Return the leading principal directions of centred rows."""
        pca = PCA(self.n_components, svd_solver="full").fit(X)
        return np.asarray(pca.components_)

    def _draw(self) -> None:
        """Draw what the features need."""

    def _features(self, scores: np.ndarray) -> np.ndarray:
        """Compute what the regression reads."""
        return products(scores / self.scale_)


class GreedyManifold(QuadraticManifold):
    """A quadratic manifold whose directions need not be the leading ones.

    Among twice as many principal directions, the next one is always that with which
    directions and quadratic correction leave least of the training rows. (Comparing
    leave-one-out errors instead was worse on held-out rows of three small tables.)

    References
    ----------
    .. [1] P. Schwerdtner and B. Peherstorfer, "Greedy construction of quadratic
       manifolds for nonlinear dimensionality reduction and nonlinear model reduction",
       2024.
    """

    def _directions(self, X: np.ndarray) -> np.ndarray:
        """Choose directions one by one."""
        n_directions = min(CANDIDATES * self.n_components, *X.shape)
        _, _, directions = np.linalg.svd(X, full_matrices=False)
        rng = np.random.default_rng(self.random_state)
        drawn = rng.permutation(len(X))[:GREEDY_ROWS]
        # In these coordinates a chosen direction is a column that is left out.
        scores = X[drawn] @ directions.T
        chosen: list[int] = []
        for _ in range(self.n_components):
            errors = {
                candidate: quadratic_loss(scores, [*chosen, candidate])
                for candidate in range(n_directions)
                if candidate not in chosen
            }
            chosen.append(min(errors, key=errors.__getitem__))
        return directions[chosen]


def quadratic_loss(
    scores: np.ndarray, chosen: list[int], penalty: float = 1e-2
) -> float:
    """Return what a quadratic correction from some columns leaves of the others.

    The penalty is a share of the rows, as features are standardised.
    """
    features = StandardScaler().fit_transform(products(scores[:, chosen]))
    left = np.delete(scores, chosen, axis=1)
    left = left - left.mean(axis=0)
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += penalty * len(scores)
    weights = np.linalg.solve(gram, features.T @ left)
    return float(np.sum((left - features @ weights) ** 2))


class RidgeManifold(QuadraticManifold):
    """PCA, corrected by squares, products and random cosines of its scores.

    The cosines take the standardised scores, at frequencies that suit a Gaussian kernel
    as wide as the square root of their number.
    """

    def _draw(self) -> None:
        """Draw frequencies and phases of the cosines."""
        rng = np.random.default_rng(self.random_state)
        width = np.sqrt(self.n_components)
        self.frequencies_ = rng.standard_normal((self.n_components, N_COSINES)) / width
        self.phases_ = rng.uniform(0, 2 * np.pi, N_COSINES)

    def _features(self, scores: np.ndarray) -> np.ndarray:
        """Compute products and cosines."""
        scaled = scores / self.scale_
        waves = np.cos(scaled @ self.frequencies_ + self.phases_)
        return np.hstack([products(scaled), waves])
