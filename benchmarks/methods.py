"""The compared methods: a name, and a Pipeline at a given code size."""

import logging
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LassoCV, LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.baselines import PerceptronAutoencoder, PlainAutoencoder
from benchmarks.datasets import Task
from sklearn_ae import AutoencoderTransformer, TargetAugmenter

UMAP = "UMAP"
# Makes an unfitted method, given code size and seed.
Builder = Callable[[int, int], Any]


def _dimkit(n_components: int, random_state: int) -> Any:
    """Build dimkit's autoencoder with default parameters."""
    from dimkit import AutoencoderReducer

    return AutoencoderReducer(n_components=n_components, random_state=random_state)


def _encdr(n_components: int, random_state: int) -> Any:
    """Build encdr's autoencoder with default parameters, silent and on the CPU."""
    from encdr import ENCDR

    # Importing lightning sets these levels, so they can only be set afterwards.
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0].startswith(("lightning", "pytorch_lightning")):
            logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning(\.|$)")
    silent_on_cpu = {
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    }
    return ENCDR(
        latent_dim=n_components, random_state=random_state, trainer_kwargs=silent_on_cpu
    )


# What compresses and reconstructs, in the order of the reports. PCA with the exact
# solver, so that no difference is the solver's.
COMPRESSORS: dict[str, Builder] = {
    "PCA": lambda k, seed: PCA(k, svd_solver="full"),
    "KernelPCA": lambda k, seed: KernelPCA(
        k, kernel="rbf", fit_inverse_transform=True, random_state=seed
    ),
    "MLPRegressor": PerceptronAutoencoder,
    "plain": PlainAutoencoder,
    "dimkit": _dimkit,
    "encdr": _encdr,
    "autoencoder": lambda k, seed: AutoencoderTransformer(k, random_state=seed),
}

# What stands before a linear model; "nothing" leaves the columns as they are.
REDUCERS: dict[str, Builder] = {
    "nothing": lambda k, seed: "passthrough",
    **{name: COMPRESSORS[name] for name in ("PCA", "KernelPCA", "autoencoder")},
}


def _behind_augmenter(method: str) -> Builder:
    """Put what predicts the target beside the columns, before a method."""
    return lambda k, seed: make_pipeline(
        TargetAugmenter(random_state=seed), COMPRESSORS[method](k, seed)
    )


WITH_TARGET = "autoencoder with target"
# What stands before a linear model and is told the target, a number.
TARGETED: dict[str, Builder] = {
    "SelectKBest": lambda k, seed: SelectKBest(f_regression, k=k),
    "PCovR": _behind_augmenter("PCA"),
    WITH_TARGET: _behind_augmenter("autoencoder"),
}

# What predicts a number from all columns.
PREDICTORS: dict[str, Builder] = {
    "PLSRegression": lambda k, seed: PLSRegression(k),
    "LassoCV": lambda k, seed: LassoCV(random_state=seed),
    "gradient boosting": lambda k, seed: HistGradientBoostingRegressor(
        random_state=seed
    ),
}

# Packages of others that do the same job; they need not be installed.
RIVALS = ("dimkit", "encdr")


def umap(n_components: int, random_state: int) -> Any:
    """Build UMAP with default parameters."""
    from umap import UMAP as Umap

    return Umap(n_components=n_components, random_state=random_state, n_jobs=1)


def is_installed(method: str) -> bool:
    """Tell whether the package that a method needs is there."""
    package = "umap" if method == UMAP else method
    return package not in (*RIVALS, "umap") or find_spec(package) is not None


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
    """Chain scaling, the method of that name, and a linear model where it is none."""
    reducer, model = "passthrough", linear_model(task)
    if method in PREDICTORS:
        model = PREDICTORS[method](n_components, random_state)
    else:
        reducer = (REDUCERS | TARGETED)[method](n_components, random_state)
    return Pipeline(
        [
            ("scaler", StandardScaler() if scale else "passthrough"),
            ("reducer", reducer),
            ("model", model),
        ]
    )
