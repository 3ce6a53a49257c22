"""The estimator: parameters, validation, and scikit-learn's methods."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)
from torch import nn

from sklearn_ae._data.imputation import check_some_observed, missing_cells
from sklearn_ae._fit.epochs import most_epochs
from sklearn_ae._fit.fitting import Fit, fit_autoencoder
from sklearn_ae._fit.module_parameters import ModuleParametersMixin
from sklearn_ae._fit.progress import CallbackSupportMixin, epoch_report, with_callbacks
from sklearn_ae._fit.settings import (
    DTYPES,
    network_and_folds,
    training_data,
    training_settings,
)
from sklearn_ae._model.inference import Codec, check_finite
from sklearn_ae._model.threads import private_generators
from sklearn_ae._persistence.files import PersistenceMixin
from sklearn_ae.networks.fully_connected import ACTIVATIONS

FITTED_ATTRIBUTES = {
    "_fit_result",
    "best_loss_",
    "explained_variance_ratio_",
    "feature_contributions_",
    "feature_names_in_",
    "loss_curve_",
    "mean_",
    "n_components_",
    "n_features_in_",
    "n_iter_",
    "net_",
    "pca_score_",
    "shrinkage_",
    "validation_loss_curve_",
}


class AutoencoderTransformer(
    PersistenceMixin,
    ModuleParametersMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Autoencoder that starts as PCA and learns what PCA misses.

    Reduces `n_features` columns to `n_components` codes, as
    :class:`~sklearn.decomposition.PCA` does, and back. The model is PCA plus a learned
    correction of the codes and of the reconstruction. The correction is zero before
    training and is kept only as far as it helps, so that the reconstruction of the
    training data is never worse than PCA's with as many components, in the loss that is
    asked for and with the `noise` that is trained with. What is learned is measured in
    the units of `X`, as in PCA: scale columns of different units first, for instance
    with :class:`~sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    n_components : int, float or None, default=2
        Number of codes; with `init="pca"` at most `min(n_samples, n_features)`, which
        is what None gives. A float between 0 and 1 asks for the smallest code that
        explains this share of the variance of held-out rows, but for no more than the
        number of components with which PCA explains it on the training data. It is
        found by bisection between 1 and that number: a size is tried by training
        without a quarter of the rows, up to where the guard would judge (see
        `max_iter`), and reconstructing these. Where PCA does not explain the share on
        these rows either, as much as it does is asked for. A share needs `init="pca"`
        and, with `module`, a class.

    hidden_layer_sizes : array-like of int or int, default=(256, 128)
        Widths of the encoder's hidden layers, from the input towards the code. The
        decoder uses the same widths in reverse. An empty tuple gives a linear
        autoencoder; with `init="pca"` this is PCA, which needs no training.

    activation : {"identity", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation of the hidden layers.

    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" trains a correction of PCA that is zero at first.
        "random" gives the textbook autoencoder, perceptrons with randomly drawn
        weights and no linear path; it has no floor.

    loss : {"squared_error", "absolute_error", "huber", "log_loss"}, \
            default="squared_error"
        What training minimises, in the units of `X`, divided by what predicting the
        mean of the training data costs: 1 is as good as the mean, 0 is perfect.

        - "squared_error" is PCA's, and leads to the fraction of variance unexplained.
        - "absolute_error" and "huber" are for outliers and heavy tails. "huber" is
          squared up to 1.35 standard deviations of what PCA leaves in a column, and
          linear beyond. With both, rows far from the median count less, for PCA and
          all statistics too (see Notes).
        - "log_loss" is the cross-entropy of values between 0 and 1, less what a perfect
          reconstruction has of it; it needs `output_activation="logistic"`.

        `score` measures squared errors with every loss.

    code_activation : {"identity", "logistic", "relu", "silu", "tanh"}, \
            default="identity"
        Activation of the codes. Others than "identity" need `init="random"`.

    output_activation : {"identity", "logistic"}, default="identity"
        "logistic" keeps reconstructions between 0 and 1 and asks for an `X` that does
        so. With `init="pca"` the correction is added to the logit of PCA's
        reconstruction, kept between 0.01 and 0.99; PCA alone is cut off at 0 and 1.

    module : torch.nn.Module, class of such or None, default=None
        The network. None takes :class:`~sklearn_ae.FullyConnected`, which is built
        from `hidden_layer_sizes` and `activation`. Any other needs the methods
        `encode`, from `(batch, n_features)` to `(batch, n_components)`, and `decode`,
        back again. A class gets those arguments that its constructor names of
        `n_features`, `n_components`, `hidden_layer_sizes`, `activation` and `init`, and
        all parameters `module__*`. An instance is copied, and training starts from its
        weights. With `init="pca"` it is a correction of PCA: `encode` sees standardised
        columns, and what both methods return is multiplied by factors that are zero
        before training. With `init="random"` it sees and writes `X` as it is. See the
        examples below.

    noise : float, tuple, callable or None, default=None
        Noise on the input while training; the target stays clean. A float is the
        standard deviation of Gaussian noise in the units of `X`. A tuple names the kind
        and its level: `("gaussian", 0.5)`; `("masking", 0.2)` sets a share of the cells
        to zero [7]_; `("swap", 0.1)` replaces a share of the cells by those of other
        rows in the same columns. A callable gets a batch of rows in the units of `X` as
        a tensor and a `torch.Generator`, and returns a tensor of the same shape. With
        `output_activation="logistic"` the result is cut off at 0 and 1. The folds of
        the guard and held-out rows are corrupted too, always alike, so that the
        comparison with PCA is one of denoising, and clean rows may be reconstructed
        worse than by PCA; `transform` and the scores are without noise.

    code_penalty : float, default=0.0
        Cost of the codes' mean absolute value, over their root mean square, in each
        batch: an L1 penalty that codes cannot evade by shrinking. Together with
        `code_activation="relu"` it makes most codes of a row zero. It needs
        `init="random"`, with which there may be more codes than columns.

    batch_size : int or "auto", default="auto"
        Rows in each training step. "auto" takes a sixteenth of the rows, from 32 to
        192.

    learning_rate_init : float, default=0.01
        Peak of the learning rate of AdamW. It rises to it in the first tenth of the
        steps and falls to zero along half a cosine [2]_; with the guard (`cv`), before
        and after its judgement anew.

    alpha : float, default=1.0
        Weight decay over the whole of a fit: a weight without gradient shrinks by
        `exp(-alpha)`, however many steps there are; beyond 2,500 rows, where there is
        less to overfit, by `exp(-alpha * 2500 / n_samples)`.

    nested_dropout : float, default=0.0
        Share of the rows, in each step of training, that have to be reconstructed from
        a random number of their first codes, the others being zero [3]_. It makes the
        first codes useful alone: with 0.15, setting all but the first few codes to zero
        before `inverse_transform` explains about as much as PCA with so few components,
        or more. It costs some of what all codes explain together, a tenth of the
        unexplained variance, say, which is why it is off by default.

    max_iter : int or "auto", default="auto"
        Number of epochs; fewer with `early_stopping=True`. "auto" takes 32 up to 11,250
        rows, then as many as visit 360,000 rows, but at least 10. Half of them come
        before the judgement of the guard (see `cv`). The other half is multiplied by
        0.5 / r, or by 1.5 / r up to 500 rows, but by at least 1 and at most 3, where r
        is the loss on the folds as a share of PCA's: what bends much takes long to
        learn. So `n_iter_` may be twice as large, and a number that is given is split
        in halves all the same. No epochs are needed, and `n_iter_` is 0, where PCA is
        already the optimum, without hidden layers or where it leaves nothing, and where
        too few rows would remain for the guard.

    transform_max_iter : int or "auto", default="auto"
        Number of steps in which `transform` moves codes from where the encoder puts
        them towards those whose reconstructions are nearest to the rows (see Notes).
        All are taken, and each costs four to six times what the encoder does. "auto"
        takes one after training on at most 50,000 rows, and else none. The number
        counts from the next `fit` on, whose guard judges codes that have taken these
        steps. It is ignored, and the codes are the encoder's, with any other `loss`
        than "squared_error", with `noise`, `nested_dropout`,
        `output_activation="logistic"`, a `module` of one's own or `init="random"`, and
        where the result is PCA.

    cv : int, cross-validation splitter, iterable, "auto" or None, default="auto"
        Folds of the guard against overfitting. For half of `max_iter` (16 epochs or
        fewer with "auto"), each fold is left out by a network of its own, PCA included,
        and then reconstructed, from codes that have taken the steps of
        `transform_max_iter`, with factors from 1 down to 0 on the correction, as long
        as the loss falls. The last of these networks goes on to train on all rows, and
        its correction is multiplied by the factor that was best (`shrinkage_`); by 0 if
        that, or the best one for the encoder's codes alone, gains less than 2 % on PCA,
        or if it leaves the training rows worse. With the squared error the folds also
        decide whether the decoder's last layer, whose best weights follow from those of
        the other layers, is refitted at the end by ridge regression [8]_, and with
        which penalty (see Notes). "auto" takes 3 folds up to 500 rows, from there to
        10,000 rows one of 4 folds alone, and none beyond, where there is little to
        overfit; if fewer rows than codes or fewer than 4 would remain, the result is
        PCA. Equal rows are kept in the same fold, unless a splitter or an iterable
        gives the rows to train on and to leave out, as in scikit-learn. None goes
        without. Ignored with `early_stopping=True`, `init="random"` or when a fit is
        continued.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows, to stop when the loss on
        them has not improved for `n_iter_no_change` epochs, and to keep the weights of
        the last epoch that improved by more than `tol`, the start included. By default
        all rows are trained on. Where fewer than two rows would be left to train on, a
        warning says that all are used.

    validation_fraction : float, default=0.1
        Share of the rows to hold out, between 0 and 1. Ignored unless
        `early_stopping=True`.

    n_iter_no_change : int, default=10
        Epochs without improvement after which training stops. Ignored unless
        `early_stopping=True`.

    tol : float, default=1e-4
        Smallest improvement that counts, as a share of the loss that PCA reaches (with
        `init="random"`, of the total variance). Ignored unless `early_stopping=True`.

    warm_start : bool, default=False
        Whether to start from the previous fit, its mean, scale, PCA and cost of shifts
        (see Notes) included, rather than afresh. Training then goes without the guard,
        but with the refit that the first fit ended with, and for other rows than those
        of the first fit the result may be below their own PCA.

    whiten : bool, default=False
        Whether to give the codes unit variance (with divisor `n_samples - 1`), as in
        PCA, rather than the scale of PCA's scores.

    device : str, default="auto"
        Where to train, in torch's words; "auto" is "cuda" where there is one, else
        "cpu". The fitted estimator is on the CPU.

    callbacks : list of skorch callbacks or None, default=None
        Called while training, in addition to the estimator's own; each an instance of
        `skorch.callbacks.Callback` or a pair of a name and one. They see one history
        row an epoch, with "valid_loss" only if `early_stopping=True`, and no rows of
        single batches. Of the guard's networks they see the last, from its first epoch;
        the learning rate rises anew after the judgement, so that the loss stalls there,
        which a callback that ends training should have the patience for.
        Callbacks of scikit-learn (1.9 or newer) are given to `set_callbacks` instead;
        epochs are tasks for them.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the batches and the splits. Pass an
        int for the same result in every call. The global generators of torch and Python
        are not touched; NumPy's is drawn from only with None, once for each fit.

    verbose : int, default=0
        0 prints nothing, 1 shows a progress bar with the losses of the last epoch, as
        fractions of the loss of the mean, and that of PCA; 2 prints a line for each
        epoch, with losses as fractions of that of PCA, where training starts from it.

    **module__ : dict
        Parameters `module__name` are the argument `name` of the class `module`. They
        are parameters like others: `get_params`, `set_params`, `clone` and
        `GridSearchCV` know them.

    Attributes
    ----------
    n_components_ : int
        Number of codes, where `n_components` is a share or None what this has led to.

    explained_variance_ratio_ : ndarray of shape (n_components,)
        Share of the variance of the training data that each code explains, in
        descending order; they sum to `score(X)` of the training data, with the weights
        of its rows, or to 0 where that is negative. What the codes explain jointly is
        divided among them in the proportion of what each explains linearly, which for a
        linear autoencoder is PCA's `explained_variance_ratio_`.

    feature_contributions_ : ndarray of shape (n_components, n_features)
        How much each column drives each code: the derivative of the code with respect
        to the column, averaged over training rows (at most 256, evenly spread, and
        fewer for more than 10 codes), in units of the code per unit of the column. For
        a linear autoencoder without `whiten` it is PCA's `components_`.

    pca_score_ : float
        Fraction of variance that PCA explains with as many components: of the held-out
        rows with `early_stopping=True`, else of the training data. With
        `loss="absolute_error"` or "huber" it counts outlying rows less, which `score`
        does only if their weights are given to it.

    shrinkage_ : float
        Factor on the correction, from 0 (the result is PCA) to 1. Without a guard it is
        1, unless nothing was gained on PCA.

    n_iter_ : int
        Number of epochs run.

    loss_curve_ : list of float of length n_iter_
        Mean training loss of each epoch, with the encoder's codes, as a fraction of
        what predicting the mean costs: with `loss="squared_error"`, of the total
        variance. It includes the cost of shifted codes (see Notes) and `code_penalty`.

    validation_loss_curve_ : list of float of length n_iter_ or None
        Loss on the held-out rows after each epoch, of the encoder's codes and in the
        same unit; None without held-out rows.

    best_loss_ : float
        Loss of what was kept, after the refit, with the codes of `transform` and
        without noise: on the held-out rows with `early_stopping=True`, else on the
        training data.

    mean_ : ndarray of shape (n_features,)
        Mean of each column of the rows trained on, missing values filled.

    net_ : skorch.NeuralNet
        The trained net, for its `history` and its `module_`, which maps centred and
        scaled rows; it does not predict by itself.

    n_features_in_ : int
        Number of columns seen during `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where all of them are strings.

    See Also
    --------
    sklearn.decomposition.PCA : Linear codes, in closed form.
    sklearn.decomposition.KernelPCA : Curved codes from a kernel matrix.

    Notes
    -----
    While training, a code that moves away from PCA's score pays for half of its
    squared shift, times the share of PCA's error that is still there. Where much
    remains unexplained, codes stay what a linear model can read; where bending explains
    nearly all, it is free. In tables of few values, missing ones included, the price is
    `1 + 10,000 / (n_samples * n_features)` times as high, but at most four times.

    PCA's scores are those of the point nearest to a row in a plane. An encoder only
    comes close to the nearest point of what the decoder spans, the less so for rows
    that it has not seen [9]_. Steps of `transform_max_iter` go on from there: down the
    gradient of the squared reconstruction error plus the cost of the shift as in
    training, in the metric of the average Gauss-Newton matrix of training rows, and as
    far as this falls along the tangent, with a damping of a hundredth [10]_. A row
    whose reconstruction a step would leave worse keeps its code. Missing cells count
    with the values that they are filled with; where the observed cells of the rows
    that `best_loss_` is measured on are left worse by that, no steps are taken. Where
    two points are equally near to a row, small changes of it may let its code jump;
    the encoder's codes are smooth.

    Beyond five times the range that the training rows' codes have, the correction of
    PCA's reconstruction stays what it is at that edge, as nobody knows how a surface
    goes on far from all rows: reconstructions there lie in a plane parallel to PCA's.
    From the training rows' range up to there the surface goes on as it bends, and may
    be much farther from rows than PCA's plane.

    The refit after a guarded fit changes the decoder's last layer by ridge regression
    of what is left unexplained on the last hidden layer's outputs. The penalties 1, 10
    and 100 are tried, in units of as many rows; the largest is taken that has 0.7 of
    the best one's gain on the folds, and none if that best gain is below 1 % of the
    loss. There is no refit with missing values, `noise`, `nested_dropout`,
    `output_activation="logistic"`, a `module` or a last hidden layer of more than 2,000
    units.

    After training, a linear change of basis that leaves the reconstruction as it is
    makes the codes of the training data centred, uncorrelated, ordered by how much of
    `X` they explain, and scaled as PCA's scores. With `code_penalty` or a
    `code_activation` the codes are not mixed and not centred, so that their zeros
    remain: they are put in the order of how much of `X` each explains linearly by
    itself, and scaled by the root of that, or to unit variance with `whiten`.

    With `loss="absolute_error"` or "huber", rows more than three times as far from the
    columns' medians as the median row (in units of the columns' ranges between the 5th
    and the 95th percentile) count less: their weight is multiplied by the square of
    the quotient, so that none of them leads PCA [6]_, and rows a million times farther
    out are left out. What is said of the training data then holds for weighted rows.

    The decoder's correction starts the more sharply bent the more rows there are and
    the fewer codes: the weights of its first layer are multiplied by the inverse of
    Scott's bandwidth [5]_, `n_samples ** (1 / (n_components + 4))`, over 1.5, where
    that is above 1.

    In tables of at least 64 columns, principal components are left to PCA alone where
    they are at least half of all and either hold together less than a thousandth of
    what PCA leaves, or cannot be told from white noise by the Marchenko-Pastur law
    [1]_: the correction neither sees nor writes them. The law is not used where no
    component beyond the first `n_components` stands out of the noise.

    A missing value (NaN) is left out of the loss and of the scores. The network sees in
    its place the mean that the row's other values lead one to expect, if rows are
    Gaussian: probabilistic PCA with at most 64 factors, fitted by expectation
    maximisation [4]_ where training rows have missing values. So
    `inverse_transform(transform(X))` is an imputation, and a fit to complete rows takes
    rows with missing values later. Rows and columns without any value are refused.

    Weights of rows count as repetitions: a row of weight 2 is a row given twice, and
    one of weight 0 is left out, as is one below 1e-30 of the largest. They scale the
    statistics, PCA, the loss and the scores. Batches, epochs and folds count each row
    once; the bandwidth, the price of shifts, the noise floor and the divisor of
    `whiten` count the sum of the weights, but no fewer than the rows there are and no
    more than a hundred times as many.

    Training uses one thread, on which the steps of a network of this size take least
    time when other processes are at work; the caller's thread count is restored.
    `transform`, `inverse_transform` and the scores may be called from many threads on
    one fitted estimator.

    Ctrl-C ends training with `KeyboardInterrupt`.

    References
    ----------
    .. [1] Johnstone, I. M. (2001). "On the distribution of the largest eigenvalue in
       principal components analysis". Annals of Statistics 29(2), 295-327.

    .. [2] Smith, L. N., & Topin, N. (2019). "Super-convergence: very fast training of
       neural networks using large learning rates". Proc. SPIE 11006.

    .. [3] Rippel, O., Gelbart, M., & Adams, R. (2014). "Learning ordered
       representations with nested dropout". ICML 2014.

    .. [4] Ilin, A., & Raiko, T. (2010). "Practical approaches to principal component
       analysis in the presence of missing values". JMLR 11, 1957-2000.

    .. [5] Scott, D. W. (1992). "Multivariate density estimation". Wiley, section 6.5.

    .. [6] Locantore, N., et al. (1999). "Robust principal component analysis for
       functional data". Test 8(1), 1-73.

    .. [7] Vincent, P., Larochelle, H., Bengio, Y., & Manzagol, P.-A. (2008).
       "Extracting and composing robust features with denoising autoencoders". ICML
       2008.

    .. [8] Golub, G. H., & Pereyra, V. (1973). "The differentiation of pseudo-inverses
       and nonlinear least squares problems whose variables separate". SIAM Journal on
       Numerical Analysis 10(2), 413-432.

    .. [9] Cremer, C., Li, X., & Duvenaud, D. (2018). "Inference suboptimality in
       variational autoencoders". ICML 2018.

    .. [10] Levenberg, K. (1944). "A method for the solution of certain non-linear
       problems in least squares". Quarterly of Applied Mathematics 2(2), 164-168.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae import AutoencoderTransformer
    >>> X = load_digits().data
    >>> codes = AutoencoderTransformer(n_components=5, random_state=0).fit_transform(X)
    >>> codes.shape
    (1797, 5)

    A network of one's own, with a parameter that can be searched:

    >>> from torch import nn
    >>> class Narrow(nn.Module):
    ...     def __init__(self, n_features, n_components, width=16):
    ...         super().__init__()
    ...         first, last = nn.Linear(n_features, width), nn.Linear(width, n_features)
    ...         self.encode = nn.Sequential(
    ...             first, nn.Tanh(), nn.Linear(width, n_components)
    ...         )
    ...         self.decode = nn.Sequential(
    ...             nn.Linear(n_components, width), nn.Tanh(), last
    ...         )
    >>> narrow = AutoencoderTransformer(5, module=Narrow, random_state=0)
    >>> narrow = narrow.set_params(module__width=32).fit(X)
    >>> narrow.score(X) > narrow.pca_score_
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            None,
        ],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "init": [StrOptions({"pca", "random"})],
        "module": [type, nn.Module, None],
        "loss": [StrOptions({"squared_error", "absolute_error", "huber", "log_loss"})],
        "code_activation": [StrOptions(set(ACTIVATIONS))],
        "output_activation": [StrOptions({"identity", "logistic"})],
        "noise": [
            Interval(Real, 0, None, closed="left"),
            tuple,
            list,
            str,  # refused, with words that fit
            callable,
            None,
        ],
        "code_penalty": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "nested_dropout": [Interval(Real, 0, 1, closed="left")],
        "max_iter": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "transform_max_iter": [
            StrOptions({"auto"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "cv": [StrOptions({"auto"}), "cv_object"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "whiten": ["boolean"],
        "device": [str],
        "callbacks": [list, tuple, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components: int | float | None = 2,
        *,
        hidden_layer_sizes: Sequence[int] | int = (256, 128),
        activation: str = "silu",
        init: str = "pca",
        loss: str = "squared_error",
        code_activation: str = "identity",
        output_activation: str = "identity",
        module: type | nn.Module | None = None,
        noise: Any = None,
        code_penalty: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.01,
        alpha: float = 1.0,
        nested_dropout: float = 0.0,
        max_iter: int | str = "auto",
        transform_max_iter: int | str = "auto",
        cv: Any = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        whiten: bool = False,
        device: str = "auto",
        callbacks: Sequence[Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        **module__: Any,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.loss = loss
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.module = module
        self.noise = noise
        self.code_penalty = code_penalty
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.nested_dropout = nested_dropout
        self.max_iter = max_iter
        self.transform_max_iter = transform_max_iter
        self.cv = cv
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.whiten = whiten
        self.device = device
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose
        self._set_module_parameters(module__)

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> AutoencoderTransformer:
        """Fit the autoencoder to `X`.

        An estimator that was fitted before keeps its state when the fit fails.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, dense, with at least two rows. float32 and float64 are kept;
            integers and booleans are converted to float64. NaN is a missing value.
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
        draft = self._unfitted_copy()
        draft._fit(self, X, y, sample_weight)
        # Only a fit that has succeeded replaces what was there before.
        self.__dict__ = vars(self._unfitted_copy()) | vars(draft)
        return self

    def _unfitted_copy(self) -> AutoencoderTransformer:
        """Return a shallow copy without fitted attributes."""
        draft = object.__new__(type(self))
        for name, value in vars(self).items():
            if name not in FITTED_ATTRIBUTES:
                setattr(draft, name, value)
        return draft

    def _fit(
        self,
        owner: AutoencoderTransformer,
        rows: ArrayLike,
        y: object,
        sample_weight: ArrayLike | None,
    ) -> None:
        """Validate, train and set the fitted attributes; `owner` is what is fitted."""
        options = training_settings(self)
        seed = int(
            check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        )
        previous = getattr(owner, "_fit_result", None) if self.warm_start else None
        data, kept = training_data(self, rows, sample_weight, seed)
        with private_generators(seed, options.device, needed=self.module is not None):
            architecture, folds = network_and_folds(
                self, data, kept, options, seed, previous
            )
            weights = None
            if sample_weight is not None:
                weights = {"sample_weight": sample_weight}
            report = epoch_report(
                owner,
                most_epochs(
                    options.max_iter,
                    data.n_training,
                    is_judged=folds is not None and previous is None,
                ),
                {"X": rows, "y": y, "metadata": weights},
                self._fitted_attributes,
            )
            fit = fit_autoencoder(
                data,
                architecture,
                options,
                folds=folds,
                seed=seed,
                previous=previous,
                report=report,
            )
        self.__dict__.update(self._fitted_attributes(fit))
        if report is not None:
            report.end(fit)

    def _fitted_attributes(self, fit: Fit) -> dict[str, Any]:
        """Return the fitted attributes that follow from the fit, and the names of X."""
        names = getattr(self, "feature_names_in_", None)
        return {
            **({} if names is None else {"feature_names_in_": names}),
            "_fit_result": fit,
            "net_": fit.net,
            "mean_": fit.start.mean,
            "n_components_": fit.codec.shape[1],
            "n_features_in_": fit.codec.shape[0],
            "n_iter_": len(fit.net.history),
            "loss_curve_": fit.loss_curve("train_loss"),
            "validation_loss_curve_": (
                fit.loss_curve("valid_loss") if fit.is_validated else None
            ),
            "best_loss_": fit.loss,
            "pca_score_": fit.pca_score,
            "shrinkage_": fit.shrinkage,
            "feature_contributions_": fit.contributions,
            "explained_variance_ratio_": fit.explained_variance_ratio(),
        }

    def transform(self, X: ArrayLike) -> NDArray:
        """Encode `X`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, in the floating dtype of `X`.
        """
        validated = self._validated(X)
        return self._codec.encode(validated)

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as :meth:`transform` returns them.

        Returns
        -------
        reconstruction : ndarray of shape (n_samples, n_features)
            Rows in the space of the training data, in the floating dtype of the codes.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=DTYPES)
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} codes in each row, but this "
                f"{type(self).__name__} has n_components_={self.n_components_}."
            )
        return self._codec.decode(codes)

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the fraction of the variance of `X` that is explained.

        It is 1 minus the sum of squared reconstruction errors over the sum of squared
        deviations from the mean of the training data, and compares directly with
        `PCA.explained_variance_ratio_.sum()`: 1 is perfect, 0 is as good as the mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        score : float
            Fraction of variance explained, at most 1. It is 1 for rows that all equal
            the mean of constant training data.
        """
        validated = self._validated(X)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, validated, dtype=np.float64, ensure_non_negative=True
            )
        error, total = self._squared_sums(validated, weight)
        check_finite(np.array([error, total]))
        if total == 0.0:
            return 1.0 if error == 0.0 else 0.0
        return 1.0 - error / total

    def score_samples(self, X: ArrayLike) -> NDArray:
        """Return minus the squared reconstruction error of each row.

        Rows unlike the training data get a low score, so that it serves to find
        outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative squared errors summed over the columns, in squared units of `X`
            and its floating dtype. Where values are missing, the sum over the others is
            scaled up to all columns.
        """
        validated = self._validated(X)
        scores = np.empty(len(validated), dtype=validated.dtype)
        for rows, x, reconstruction in self._codec.reconstruct(validated):
            errors = np.subtract(x, reconstruction, dtype=np.float64)
            observed = 1.0 - np.isnan(x).mean(axis=1)
            with np.errstate(over="ignore"):  # which is checked next
                squares = np.nansum((errors * self._codec.scale) ** 2, axis=1)
                scores[rows] = -squares / observed
            check_finite(scores[rows])
        return scores

    def _squared_sums(
        self, X: NDArray, weight: NDArray[np.float64] | None
    ) -> tuple[float, float]:
        """Sum squared errors, and squared deviations from the mean."""
        error = total = 0.0
        with np.errstate(over="ignore"):  # which is checked next
            for rows, x, reconstruction in self._codec.reconstruct(X):
                squares = np.square(x - reconstruction, dtype=np.float64)
                deviations = np.square(x, dtype=np.float64)
                if weight is not None:
                    squares *= weight[rows, None]
                    deviations *= weight[rows, None]
                error += float(np.nansum(squares))
                total += float(np.nansum(deviations))
        return error, total

    def _validated(self, X: ArrayLike) -> NDArray:
        """Check rows against the training data."""
        check_is_fitted(self)
        validated: NDArray = validate_data(
            self, X, dtype=DTYPES, reset=False, ensure_all_finite="allow-nan"
        )
        missing = missing_cells(validated)
        if missing is not None:
            check_some_observed(missing, axis=1)
        return validated

    @property
    def _codec(self) -> Codec:
        return self._fit_result.codec

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fit_result")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = True
        return tags
