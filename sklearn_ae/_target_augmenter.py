"""The estimator that appends to a table what is predicted of its target."""

from itertools import compress
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import Tags, check_array, check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from sklearn_ae._persistence import PersistenceMixin, need, saved
from sklearn_ae._target import (
    Candidate,
    Learned,
    Predictor,
    default_candidates,
    folds_of,
    learn,
    outputs_of,
    pca_loss_ratio,
    routed_params,
    splitter_of,
    total_variance,
    type_of,
)


@saved(
    "_predictors", "_scale", "target_type_", "classes_", "cv_score_", "is_appended_",
    "pca_loss_ratio_",
)  # fmt: skip
class TargetAugmenter(PersistenceMixin, TransformerMixin, BaseEstimator):
    """Append to `X` what an estimator predicts of `y`, before a dimension reduction.

    PCA behind it is principal covariates regression (PCovR); codes of
    :class:`AutoencoderTransformer` behind it keep what matters for `y`.

    Parameters
    ----------
    estimator : estimator or None, default=None
        Classifier or regressor that predicts `y`, one for each output. None is ridge or
        logistic regression, with the lasso (for numbers) and gradient boosting (up to
        5,000 columns times classes) where held-out rows prefer these.
    mixing : float, default=0.5
        Share of `X` in the total variance if predictions were perfect; what they
        explain of `y` shrinks the rest. 1 appends nothing, towards 0 the target alone
        counts. The meaning is that of PCovR.
    target_type : {"auto", "binary", "multiclass", "continuous"}, default="auto"
        Kind of `y`. "auto" asks the estimator, if there is one; otherwise strings,
        booleans and up to 30 different integers are classes.
    cv : int, cross-validation generator, iterable or None, default=5
        Folds for the predictions of the training rows. A number shuffles rows, and
        keeps those of one group together; None is 5.
    random_state : int, RandomState instance or None, default=None
        Order of the rows in folds, and draws of the default estimator.

    Attributes
    ----------
    target_type_ : {"binary", "multiclass", "continuous"}
        Kind of `y`.
    classes_ : ndarray of shape (n_classes,) or None
        Classes, sorted; None for numbers.
    cv_score_ : float
        Share of the variance of `y` that predictions of held-out rows explain, a mean
        over the outputs; of classes, of their indicators. 0 and below is chance.
    is_appended_ : ndarray of shape (n_outputs,)
        Whether predictions of an output are better than its mean by more than two
        standard errors over held-out rows, or groups. Others are not appended.
    pca_loss_ratio_ : ndarray of shape (n_sizes,)
        What PCA with 1, 2, ... codes loses of `X` behind this transformer, over
        what it loses without; infinite where that is nothing.
    estimators_ : list of list of estimators
        Fitted to all rows, for each output that is appended.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    sklearn.cross_decomposition.PLSRegression : Linear codes for a target.

    Notes
    -----
    `fit_transform(X, y)` is not `fit(X, y).transform(X)`: training rows get
    predictions of estimators that have not seen them, as in
    :class:`~sklearn.preprocessing.TargetEncoder`. A Pipeline does so by itself.

    References
    ----------
    de Jong, S., and Kiers, H. A. L. (1992). "Principal covariates regression: Part I.
    Theory". Chemometrics and Intelligent Laboratory Systems 14, 155-164.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_ae import TargetAugmenter
    >>> X, y = load_diabetes(return_X_y=True)
    >>> augmenter = TargetAugmenter(random_state=0)
    >>> model = make_pipeline(augmenter, PCA(2), LinearRegression()).fit(X, y)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "mixing": [Interval(Real, 0, 1, closed="right")],
        "target_type": [StrOptions({"auto", "binary", "multiclass", "continuous"})],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        mixing: float = 0.5,
        target_type: str = "auto",
        cv: Any = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.mixing = mixing
        self.target_type = target_type
        self.cv = cv
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Learn to predict `y`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; missing cells are NaN.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Classes, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; the estimator gets it too.
        **params : dict
            `groups` for the folds, and what `fit` of the estimator takes; with
            metadata routing, what they request.

        Returns
        -------
        self : TargetAugmenter
            The fitted transformer.

        Raises
        ------
        ValueError
            If `y` does not fit to `target_type` or the estimator, or folds do not hold
            out each row once.
        """
        self._learn(X, y, sample_weight, params)
        return self

    def fit_transform(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **params: Any,
    ) -> NDArray:
        """Learn to predict `y`, and append predictions of rows that were held out.

        Errors are those of :meth:`fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; missing cells are NaN.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Classes, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        **params : dict
            As in :meth:`fit`.

        Returns
        -------
        augmented : ndarray of shape (n_samples, n_features + n_appended)
            In the floating dtype of `X`.
        """
        validated, learned = self._learn(X, y, sample_weight, params)
        return self._appended(validated, [one.held_out for one in learned])

    def transform(self, X: ArrayLike) -> NDArray:
        """Append predictions of the estimators that were fitted to all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; missing cells are NaN.

        Returns
        -------
        augmented : ndarray of shape (n_samples, n_features + n_appended)
            In the floating dtype of `X`.
        """
        check_is_fitted(self)
        validated = self._validated(X, reset=False)
        return self._appended(validated, [p(validated) for p in self._predictors])

    def inverse_transform(self, X: ArrayLike) -> NDArray:
        """Drop what was appended.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features + n_appended)
            What :meth:`transform` gives, or a reconstruction of it.

        Returns
        -------
        original : ndarray of shape (n_samples, n_features)
            Columns as in `fit`.

        Raises
        ------
        ValueError
            If the number of columns is another than that of `transform`.
        """
        check_is_fitted(self)
        array = check_array(
            X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
        )
        n_columns = len(self.get_feature_names_out())
        if array.shape[1] != n_columns:
            raise ValueError(
                f"X has {array.shape[1]} columns, but transform gives {n_columns}. "
                "Pass what transform gives, or its reconstruction."
            )
        original: NDArray = array[:, : self.n_features_in_]
        return original

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return the names of the columns: those of `X`, then those appended.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns of `X`; None stands for those that `fit` has seen, or
            x0, x1, and so on.

        Returns
        -------
        names : ndarray of str objects of shape (n_features + n_appended,)
            Predictions are named by this class and the output or class.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if self.classes_ is not None:
            labels = self.classes_[int(len(self.classes_) == 2) :]
            labels = labels if self.is_appended_[0] else labels[:0]
        else:
            labels = np.flatnonzero(self.is_appended_)
        appended = [f"targetaugmenter_{label}" for label in labels]
        return np.array([*names, *appended], dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Say who gets what in a fit: the estimator's `fit`, and the splitter.

        Returns
        -------
        routing : MetadataRouter
            As in scikit-learn.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        # A generator of splits can be read only once.
        is_number = self.cv is None or isinstance(self.cv, Integral)
        splitter = splitter_of(self.cv, False, True, None) if is_number else self.cv
        for name, callee, what in (
            ("estimator", "fit", self.estimator),
            ("splitter", "split", splitter),
        ):
            mapping = MethodMapping()
            for caller in ("fit", "fit_transform"):
                mapping.add(caller=caller, callee=callee)
            router.add(method_mapping=mapping, **{name: what})
        return router

    @_fit_context(prefer_skip_nested_validation=False)
    def _learn(
        self, X: ArrayLike, y: Any, sample_weight: Any, params: dict[str, Any]
    ) -> tuple[NDArray, list[Learned]]:
        """Learn each output; return rows, and what is known of outputs to append."""
        X = self._validated(X, reset=True)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Pass it, or leave this step out."
            )
        y = check_array(y, dtype=None, ensure_2d=False, ensure_all_finite=False)
        check_consistent_length(X, y)
        weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        target_type = type_of(y, self.target_type, self.estimator)
        outputs = outputs_of(y, target_type, weight)
        classes = outputs[0].form.classes
        fit_params, groups = routed_params(self, sample_weight, params)
        rng = check_random_state(self.random_state)
        splitter = splitter_of(self.cv, classes is not None, groups is not None, rng)
        splits = folds_of(splitter, X, outputs[0].y, groups, weight)
        candidates, seed = [Candidate(self.estimator, fit_params)], rng.randint(2**31)
        if self.estimator is None:
            known = (outputs[0], splits, X.shape[1], sample_weight)
            candidates = default_candidates(*known, seed)
        learned = [learn(candidates, X, o, splits, weight, groups) for o in outputs]
        # Only a fit that has succeeded replaces what was there before.
        self.target_type_, self.classes_ = target_type, classes
        kept = self._keep(learned)
        variance = sum(total_variance(output.values, weight) for output in outputs)
        odds = (1 - self.mixing) / self.mixing
        scale = (odds * total_variance(X, weight) / (variance or 1.0)) ** 0.5
        self._scale = float(scale)
        held_out = [one.held_out for one in kept]
        appended = self._scale * np.hstack([np.empty((len(X), 0)), *held_out])
        self.pca_loss_ratio_ = pca_loss_ratio(X, appended, weight)
        return X, kept

    def _keep(self, learned: list[Learned]) -> list[Learned]:
        """Keep what is known of outputs that are to be appended; return it."""
        self.cv_score_ = float(np.mean([one.score for one in learned]))
        is_used = [one.predictor is not None and self.mixing < 1 for one in learned]
        self.is_appended_ = np.array(is_used)
        kept = list(compress(learned, is_used))
        self._predictors = [one.predictor for one in kept if one.predictor is not None]
        self._set_estimators()
        return kept

    def _set_estimators(self) -> None:
        """Show the estimators that count."""
        self.estimators_ = [list(one.estimators) for one in self._predictors]

    def _complete(self) -> None:
        """Check what was loaded, and add what follows."""
        predictors, scale = self._predictors, self._scale
        need(all(isinstance(p, Predictor) for p in predictors), "Its predictors are")
        need(type(scale) is float and 0 <= scale < np.inf, "Its scale is")
        ratio, classes = self.pca_loss_ratio_, np.array(self.classes_)
        for predictor in predictors:
            is_same = np.array_equal(np.array(predictor.form.classes), classes)
            need(is_same, "Its list of classes is")
        need(ratio.ndim == 1 and ratio.dtype == np.float64, "Its loss of PCA is")
        is_kind = self.target_type_ in ("binary", "multiclass", "continuous")
        need(is_kind and type(self.cv_score_) is float, "What is known of a target is")
        are_marks = self.is_appended_.dtype == bool and self.is_appended_.ndim == 1
        need(are_marks and self.is_appended_.sum() == len(predictors), "Its marks are")
        self._set_estimators()
        for estimator in (one for several in self.estimators_ for one in several):
            n_features = getattr(estimator, "n_features_in_", None)
            need(n_features in (None, self.n_features_in_), "Its estimator is")

    def _validated(self, X: ArrayLike, reset: bool) -> NDArray:
        """Check rows; missing cells may be NaN."""
        validated: NDArray = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            reset=reset,
            ensure_all_finite="allow-nan" if self._allows_nan else True,
        )
        return validated

    @property
    def _allows_nan(self) -> bool:
        """Whether the estimator understands missing cells; the default does."""
        given = self.estimator
        return given is None or bool(get_tags(given).input_tags.allow_nan)

    def _appended(self, X: NDArray, predictions: list[NDArray]) -> NDArray:
        """Append scaled predictions to rows, in the dtype of these."""
        scaled = [(self._scale * one).astype(X.dtype) for one in predictions]
        return np.hstack([X, *scaled])

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_predictors")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allows_nan
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
