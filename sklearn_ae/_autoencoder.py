"""The estimator: its parameters, and how a fit is put together."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_feature_names
from torch import nn

from sklearn_ae._data import as_numpy, attributes_like, where_it_is
from sklearn_ae._fit import (
    PARAMETER_CONSTRAINTS,
    CallbackSupportMixin,
    EpochReport,
    Fit,
    ModuleParametersMixin,
    check_continues,
    choose_folds,
    code_size,
    describe_network,
    describe_training,
    fit_autoencoder,
    most_epochs,
    training_data,
    with_callbacks,
)
from sklearn_ae._model import private_generators
from sklearn_ae._partial_fit import PartialFitMixin
from sklearn_ae._persistence import PersistenceMixin, need, saved
from sklearn_ae._reconstruction import ReconstructionMixin


@saved("_fit_result")
class AutoencoderTransformer(
    PersistenceMixin,
    ModuleParametersMixin,
    CallbackSupportMixin,
    PartialFitMixin,
    ReconstructionMixin,
):
    """Autoencoder that starts as PCA and learns what PCA misses.

    It reduces `n_features` columns to `n_components` codes, as PCA does, and back. It
    pays where many columns follow few quantities along curves, and costs seconds to
    minutes instead of milliseconds. The model is PCA plus a learned correction, which
    is zero before training and is kept only as far as it helps: rows trained on are
    reconstructed no worse than by PCA, in the loss that is asked for. Columns of
    different units should be scaled first, as for PCA.

    Ordinary users need the first four parameters. From `loss` on they change what is
    learned, from `hidden_layer_sizes` on the network, from `batch_size` on training.

    Parameters
    ----------
    n_components : int, float or None, default=2
        Number of codes. A float between 0 and 1 asks for the fewest, at most PCA's,
        that explain this share of the variance of held-out rows; it needs `init="pca"`,
        and a class as `module`. None takes `min(n_samples, n_features)`, the most that
        `init="pca"` can have.
    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" goes on while rows that are left out gain by it, for 18
        to 200 epochs, each of 10,000 rows at most; 32 without `cv`, at most 100 with
        `early_stopping=True`. A number has all trained on; 20 is quick up to 10,000.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, order of rows and splits. Pass an int for the same
        result in every call; None draws from NumPy's global generator.
    verbose : int, default=0
        0 prints nothing, 1 shows a progress bar, 2 prints a line for each epoch.

    loss : str, callable or list, default="squared_error"
        What training minimises: "squared_error", which is PCA's; "absolute_error" or
        "huber", for outliers, which count less for PCA too; "log_loss", the
        cross-entropy of values from 0 to 1, which needs `output_activation="logistic"`;
        or a callable of tensors `reconstruction` and `rows` that returns losses of
        cells or rows. Penalties may follow in a list. The user guide has them all.
    noise : float, tuple, callable or None, default=None
        Noise on the input while training, whose target stays clean. A float is the
        standard deviation of Gaussian noise in the units of `X`; a tuple is
        `("gaussian", level)`, `("masking", share)` or `("swap", share)`; a callable
        maps a batch and a `torch.Generator` to a batch. None adds none.
    nested_dropout : float, default=0.0
        Share of the rows in each step that are reconstructed from a random number of
        their first codes alone, so that the first codes are useful without the others.
    whiten : bool, default=False
        Whether codes get unit variance, as in PCA, rather than the scale of its scores.
    transform_max_iter : int or "auto", default="auto"
        Steps of `transform` from the encoder's codes to those whose reconstructions are
        nearest to the rows. "auto" is 1 after training on at most 50,000 rows, else 0.
        Ignored (0) with another `loss` than "squared_error", `noise`, `nested_dropout`,
        `output_activation="logistic"`, a `module` or `init="random"`.

    hidden_layer_sizes : array-like of int or int, default=(256, 128)
        Widths of the encoder's hidden layers, from the input towards the code; the
        decoder mirrors them. `()` is a linear autoencoder; with `init="pca"` PCA, and
        not trained. Ignored with a `module` that does not ask for it.
    activation : {"identity", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation of the hidden layers. Ignored as `hidden_layer_sizes` is.
    init : {"pca", "random"}, default="pca"
        Where training starts: "pca" trains a correction of PCA, "random" a textbook
        autoencoder without PCA, which may end below it.
    module : torch.nn.Module, class of such or None, default=None
        A network with the methods `encode` and `decode`; None is
        :class:`~sklearn_ae.FullyConnected`. A class is given those of `n_features`,
        `n_components`, `hidden_layer_sizes`, `activation` and `init` that its
        constructor names, and `module__*`; an instance is copied, with its weights.
        With `init="pca"` it is a correction of PCA, else the whole model.
    code_activation : {"identity", "logistic", "relu", "silu", "tanh"}, \
            default="identity"
        Activation of the codes; others than "identity" need `init="random"`.
    output_activation : {"identity", "logistic"}, default="identity"
        "logistic" keeps reconstructions between 0 and 1, where `X` has to be too.
    code_penalty : float, default=0.0
        Cost of the codes' mean absolute value over their root mean square, for sparse
        codes. Above 0 it needs `init="random"`.

    batch_size : int or "auto", default="auto"
        Rows in a step of training. "auto" is a sixteenth of the rows, from 32 to 192.
    learning_rate_init : float, default=0.01
        Learning rate of AdamW, whose weights are averaged over the steps.
    alpha : float, default=0.03
        Weight decay of AdamW for each code; it fades beyond 2,500 rows.
    cv : int, cross-validation splitter, iterable, "auto" or None, default="auto"
        Folds that tell how long to train and how much of the correction to keep. "auto"
        is 3 folds up to 500 rows, one of 4 up to 10,000, and then a sample of 2,500
        rows. None keeps all that is learned.
        Ignored with `early_stopping=True`, `init="random"` or when a fit is continued.
    early_stopping : bool, default=False
        Whether to hold out rows, to stop when their loss no longer improves and to keep
        the best weights, instead of cross-validation.
    validation_fraction : float, default=0.1
        Share of the rows to hold out. Ignored unless `early_stopping=True`.
    n_iter_no_change : int, default=10
        Epochs to wait for an improvement. Ignored unless `early_stopping=True`.
    tol : float, default=1e-4
        Smallest improvement that counts, as a share of PCA's loss (with
        `init="random"`, of the mean's). Ignored unless `early_stopping=True`.
    warm_start : bool, default=False
        Whether to go on from the previous fit and its PCA, without cross-validation.
    device : str, default="auto"
        Where to train, as torch names it; "auto" is "cuda" if there is one, else "cpu".
    callbacks : list of skorch callbacks or None, default=None
        Called while training; each an instance, or a pair of a name and one. Callbacks
        of scikit-learn are given to `set_callbacks` instead. None adds none.
    **module__ : dict
        Arguments of the class `module`, as `module__name`; they can be searched over.

    Attributes
    ----------
    n_components_ : int
        Number of codes.
    explained_variance_, explained_variance_ratio_ : ndarray of shape (n_components,)
        Variance of the training data that each code explains, in descending order, and
        its share; these sum to `score`, with the rows' weights, or to 0 below that.
    noise_variance_ : float
        What is not explained, over columns less codes.
    components_, feature_contributions_ : ndarray of shape (n_components, n_features)
        Average derivative of each code by each column; of PCA, if not whitened, a
        component.
    pca_score_ : float
        Fraction of variance that PCA explains with as many components, of the rows of
        `best_loss_`.
    shrinkage_ : float
        Factor on the correction, from 0 (the result is PCA) to 1.
    n_iter_ : int
        Number of epochs run.
    loss_curve_ : list of float of length n_iter_
        Mean training loss of each epoch, with penalties, over that of the mean.
    validation_loss_curve_ : list of float of length n_iter_ or None
        The same of the held-out rows, over that of the mean on these; None without.
    best_loss_ : float
        Loss of the result without noise and penalties, in the same unit: of the
        held-out rows with `early_stopping=True`, else of the training data.
    mean_ : ndarray of shape (n_features,)
        Mean of each column of the training data, missing values imputed.
    n_samples_seen_ : int
        Number of rows so far; set by `partial_fit` alone, as is the next.
    code_correlations_ : ndarray of shape (n_components,)
        Correlation of each code, on rows kept, with itself before the last call of
        `partial_fit`. Below 1 models behind the codes have to be fitted again.
    net_ : skorch.NeuralNet
        The trained net, for its `history` and `module_`; it does not predict by itself.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    sklearn.decomposition.PCA : Linear codes, in closed form.

    Notes
    -----
    Codes are centred, uncorrelated, ordered by what they explain and scaled as PCA's.
    Missing values (NaN) are left out of the loss, and `inverse_transform` of the codes
    imputes them. With scikit-learn's array API dispatch tensors give tensors, and so do
    fitted arrays. Rows of weight 2 count as rows given twice. The same `random_state`
    gives the same bits on the same machine and thread count; global generators of torch
    and Python are left alone. The user guide explains these, and how a fit works.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer
    >>> X = load_digits().data
    >>> AutoencoderTransformer(n_components=5, random_state=0).fit_transform(X).shape
    (1797, 5)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = PARAMETER_CONSTRAINTS

    def __init__(
        self,
        n_components: int | float | None = 2,
        *,
        max_iter: int | str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        loss: Any = "squared_error",
        noise: Any = None,
        nested_dropout: float = 0.0,
        whiten: bool = False,
        transform_max_iter: int | str = "auto",
        hidden_layer_sizes: Sequence[int] | int = (256, 128),
        activation: str = "silu",
        init: str = "pca",
        module: type | nn.Module | None = None,
        code_activation: str = "identity",
        output_activation: str = "identity",
        code_penalty: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.01,
        alpha: float = 0.03,
        cv: Any = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        device: str = "auto",
        callbacks: Sequence[Any] | None = None,
        **module__: Any,
    ) -> None:
        self.n_components = n_components
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.loss = loss
        self.noise = noise
        self.nested_dropout = nested_dropout
        self.whiten = whiten
        self.transform_max_iter = transform_max_iter
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.module = module
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.code_penalty = code_penalty
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.cv = cv
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.callbacks = callbacks
        self._set_module_parameters(module__)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit the autoencoder to `X`.

        An estimator that was fitted before keeps its state when the fit fails.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data with at least two rows. float32 and float64 are kept; integers
            and booleans are converted to float64. NaN is a missing value. Large sparse
            data are dense in blocks alone, and cannot have NaN. What has `shape`,
            `dtype` and slices of rows, such as a large `numpy.memmap`, is read once, in
            blocks. Beyond 262,144 rows PCA is that of all, and the network sees as many
            as that, drawn at random (exceptions: user guide, large tables).
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, `X` or `sample_weight` is invalid, if every value of a row
            or of a column is missing, or if training diverges.
        KeyboardInterrupt
            If training is interrupted.
        """
        draft = object.__new__(type(self))
        draft.__dict__ = self._unfitted()
        rows, weight = where_it_is(X), as_numpy(sample_weight)
        with config_context(array_api_dispatch=False):
            draft._fit(self, rows, y, weight)
        # Only a fit that has succeeded replaces what was there before.
        self.__dict__ = self._unfitted() | attributes_like(X, vars(draft))
        return self

    def _unfitted(self) -> dict[str, Any]:
        """Return all attributes but fitted ones."""
        parameters = self.get_params(deep=False)
        return {
            name: value
            for name, value in vars(self).items()
            if name in parameters
            or not (name in ("_fit_result", "_stream") or name[-1] == "_")
        }

    def _fit(
        self, owner: Self, rows: ArrayLike, y: object, sample_weight: ArrayLike | None
    ) -> None:
        """Validate, train and set the fitted attributes; `owner` is what is fitted."""
        options = describe_training(self)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        previous = getattr(owner, "_fit_result", None) if self.warm_start else None
        data = training_data(self, rows, sample_weight, seed)
        n_rows, n_features = data.training.X.shape
        with private_generators(seed, options.device, needed=self.module is not None):
            if previous is not None and not isinstance(self.n_components, Integral):
                n_components = previous.codec.shape[1]
            else:
                n_components = code_size(self, data.training, options, seed)
            architecture = describe_network(self, n_components, n_rows)
            if previous is None:
                folds = choose_folds(self, data, n_components)
            else:
                folds, what, remedy = None, "warm_start=True", "Set warm_start=False."
                check_continues(previous, n_features, architecture, what, remedy)
                _check_feature_names(owner, rows, reset=False)
            is_validated = data.held_out is not None
            n_parts = 0 if folds is None else folds.n_parts
            n_epochs = most_epochs(options.max_iter, n_parts, is_validated)
            report = None
            if getattr(owner, "_skl_callbacks", None):
                given = {"X": rows, "y": y, "metadata": None}
                if sample_weight is not None:
                    given["metadata"] = {"sample_weight": sample_weight}
                report = EpochReport(owner, n_epochs, given, self._fitted_attributes)
            fit = fit_autoencoder(
                data,
                architecture,
                options,
                folds=folds,
                seed=seed,
                previous=previous,
                report=report,
                names=getattr(self, "feature_names_in_", None),
            )
        self.__dict__.update(self._fitted_attributes(fit))
        if report is not None:
            report.end_epoch(lambda: fit)

    def _complete(self) -> None:
        """Check what was loaded, and add what follows from the fit."""
        fit = self._fit_result
        is_right = isinstance(fit, Fit) and fit.codec.shape[0] == self.n_features_in_
        need(is_right, "The number of features is")
        self.__dict__.update(self._fitted_attributes(fit))

    def _fitted_attributes(self, fit: Fit) -> dict[str, Any]:
        """Return what follows from the fit, and the names of X."""
        names = getattr(self, "feature_names_in_", None)
        return {
            **({} if names is None else {"feature_names_in_": names}),
            "_fit_result": fit,
            "net_": fit.net,
            "n_components_": fit.codec.shape[1],
            "n_features_in_": fit.codec.shape[0],
            **fit.pca_attributes(),
            "n_iter_": len(fit.net.history),
            "loss_curve_": fit.loss_curve(),
            "validation_loss_curve_": fit.validation_loss_curve(),
            "best_loss_": fit.loss,
            "pca_score_": fit.pca_score,
            "shrinkage_": fit.shrinkage,
            "feature_contributions_": fit.contributions,
        }
