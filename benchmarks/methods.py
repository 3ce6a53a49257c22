"""The compared methods: a name, and a Pipeline at a given code size."""

from collections.abc import Callable
from typing import Any

from sklearn.decomposition import PCA, KernelPCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.datasets import Task
from sklearn_ae import AutoencoderTransformer


def _nothing(n_components: int, random_state: int) -> Any:
    """Leave the columns as they are."""
    return "passthrough"


def _pca(n_components: int, random_state: int) -> PCA:
    """Build PCA with the exact solver, so that no difference is the solver's."""
    return PCA(n_components, svd_solver="full")


def _kernel_pca(n_components: int, random_state: int) -> KernelPCA:
    """Build KernelPCA with an inverse and its default width, as a user would."""
    return KernelPCA(
        n_components,
        kernel="rbf",
        fit_inverse_transform=True,
        random_state=random_state,
    )


def _autoencoder(n_components: int, random_state: int) -> AutoencoderTransformer:
    """Build the autoencoder with default parameters."""
    return AutoencoderTransformer(n_components=n_components, random_state=random_state)


REDUCERS: dict[str, Callable[[int, int], Any]] = {
    "nothing": _nothing,
    "PCA": _pca,
    "KernelPCA": _kernel_pca,
    "autoencoder": _autoencoder,
}


def linear_model(task: Task) -> Any:
    """Build the linear model that reads the codes."""
    if task == "regression":
        return LinearRegression()
    # The penalty of LogisticRegression depends on the scale of its input, which would
    # reward the method with the larger codes; and unscaled codes converge slowly.
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def build_pipeline(
    method: str,
    task: Task,
    n_components: int,
    random_state: int = 0,
    scale: bool = True,
) -> Pipeline:
    """Chain scaling, the method of that name, and a linear model."""
    return Pipeline(
        [
            ("scaler", StandardScaler() if scale else "passthrough"),
            ("reducer", REDUCERS[method](n_components, random_state)),
            ("model", linear_model(task)),
        ]
    )
