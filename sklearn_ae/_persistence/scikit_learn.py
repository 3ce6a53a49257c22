"""The estimators of scikit-learn that files may hold: fitted, they are plain data."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import (
    compose,
    decomposition,
    impute,
    linear_model,
    mixture,
    pipeline,
    preprocessing,
)

from sklearn_ae._persistence.attributes import Attributes
from sklearn_ae._persistence.values import Kind, need, put_tuple

ENCODER = (
    "categories_* _infrequent_enabled _infrequent_indices*~ "
    "_default_to_infrequent_mappings*~ "
)
LINEAR = "coef_ intercept_ "
SVD = "components_ explained_variance_ explained_variance_ratio_ singular_values_ "

# Fitted attributes in the supported versions of scikit-learn. They are numbers or
# arrays of such, but for those with "*"; "?" may be None, and "~" need not be there.
ESTIMATORS: dict[type, str] = {
    compose.ColumnTransformer: "transformers_* output_indices_* sparse_output_ "
    "_columns* _remainder* _transformer_to_input_indices* "
    "_transformers_feature_names_out*~",
    decomposition.PCA: SVD + "mean_ n_samples_ noise_variance_ n_components_ "
    "_fit_svd_solver*",
    decomposition.TruncatedSVD: SVD,
    impute.MissingIndicator: "features_ _n_features _precomputed*",
    impute.SimpleImputer: "statistics_* indicator_*? _fit_dtype* _fill_dtype*~",
    linear_model.ElasticNet: LINEAR + "n_iter_ dual_gap_",
    linear_model.ElasticNetCV: LINEAR + "n_iter_ dual_gap_ mse_path_ alpha_ alphas_ "
    "l1_ratio_",
    linear_model.Lasso: LINEAR + "n_iter_ dual_gap_",
    linear_model.LassoCV: LINEAR + "n_iter_ dual_gap_ mse_path_ alpha_ alphas_",
    linear_model.LinearRegression: LINEAR + "rank_~ singular_~",
    linear_model.LogisticRegression: LINEAR + "n_iter_ classes_*",
    linear_model.LogisticRegressionCV: LINEAR + "n_iter_ classes_* C_ Cs_ l1_ratio_* "
    "l1_ratios_* scores_* coefs_paths_*",
    linear_model.Ridge: LINEAR + "n_iter_? solver_*",
    linear_model.RidgeCV: LINEAR + "alpha_ best_score_ cv_results_~ _store_cv_results~",
    mixture.GaussianMixture: "weights_ means_ covariances_ precisions_ "
    "precisions_cholesky_ converged_ n_iter_ lower_bound_ lower_bounds_~",
    pipeline.Pipeline: "",
    preprocessing.FunctionTransformer: "",
    preprocessing.MaxAbsScaler: "n_samples_seen_ scale_ max_abs_",
    preprocessing.MinMaxScaler: "n_samples_seen_ scale_ min_ data_min_ data_max_ "
    "data_range_",
    preprocessing.OneHotEncoder: ENCODER + "drop_idx_*? _drop_idx_after_grouping*? "
    "_n_features_outs",
    preprocessing.OrdinalEncoder: ENCODER + "_missing_indices*",
    preprocessing.PowerTransformer: "lambdas_ _scaler*~",
    preprocessing.QuantileTransformer: "n_quantiles_ quantiles_ references_",
    preprocessing.RobustScaler: "center_? scale_?",
    preprocessing.StandardScaler: "n_samples_seen_ mean_? var_? scale_?",
}
PER_COLUMN = (
    "mean_ var_ scale_ min_ data_min_ data_max_ data_range_ max_abs_ center_ lambdas_ "
    "statistics_ categories_ drop_idx_ _drop_idx_after_grouping _n_features_outs "
    "_infrequent_indices _default_to_infrequent_mappings"
)
# Axes of attributes; equal names are equal sizes. Before an ellipsis any may come.
AXES: dict[str, tuple[Any, ...]] = {
    **{name: ("features",) for name in PER_COLUMN.split()},
    **{name: ("components",) for name in [*SVD.split()[1:], "weights_"]},
    "components_": ("components", "features"),
    "means_": ("components", "features"),
    "quantiles_": ("quantiles", "features"),
    "references_": ("quantiles",),
    "coef_": (..., "features"),
    "classes_": ("classes",),
}


def _complete(estimator: Any) -> None:
    """Raise unless the attributes have the right kinds and fit together."""
    sizes = {"features": getattr(estimator, "n_features_in_", None)}
    for entry in ESTIMATORS[type(estimator)].split():
        name = entry.rstrip("*?~")
        value = vars(estimator).get(name)
        if value is None and entry[-1] in "?~":
            continue
        is_kind = "*" in entry or np.asarray(value).dtype.kind in "biuf"
        fits = name not in AXES or _fits(value, AXES[name], sizes)
        need(is_kind and fits, f"Its {name} is")
    check = CHECKS.get(type(estimator))
    if check is not None:
        check(estimator)


def _fits(value: Any, axes: tuple[Any, ...], sizes: dict[str, Any]) -> bool:
    """Whether the axes of an attribute are as long as those of others."""
    shape = (len(value),) if isinstance(value, list) else value.shape
    named = [axis for axis in axes if axis is not ...]
    if len(shape) < len(named) or (len(shape) > len(named) and ... not in axes):
        return False
    pairs = zip(named, shape[len(shape) - len(named) :], strict=True)
    return all(sizes.setdefault(axis, size) == size for axis, size in pairs)


def _check_encoder(encoder: Any) -> None:
    are_arrays = all(isinstance(one, np.ndarray) for one in encoder.categories_)
    need(are_arrays, "Its categories_ is")
    if isinstance(encoder, preprocessing.OneHotEncoder):
        n_out = len(encoder.get_feature_names_out())
        need(sum(encoder._n_features_outs) == n_out, "Its _n_features_outs is")


def _check_pipeline(estimator: Any) -> None:
    need(estimator.memory is None, "Its memory is")
    estimator._validate_steps()


def _check_columns(transformer: Any) -> None:
    found = getattr(transformer, "transformers_", [])
    for name, step, _ in (*transformer.transformers, *found):
        is_word = isinstance(step, str) and step in ("drop", "passthrough")
        is_step = isinstance(name, str) and (is_word or hasattr(step, "transform"))
        need(is_step, "Its steps are")
    slices = transformer.output_indices_.values()
    need(all(isinstance(one, slice) for one in slices), "Its output_indices_ is")


CHECKS: dict[type, Callable[[Any], None]] = {
    preprocessing.FunctionTransformer: lambda one: need(
        one.func is None and one.inverse_func is None, "Its function is"
    ),
    preprocessing.OneHotEncoder: _check_encoder,
    preprocessing.OrdinalEncoder: _check_encoder,
    pipeline.Pipeline: _check_pipeline,
    compose.ColumnTransformer: _check_columns,
}


def _kind(cls: type) -> Kind:
    """Return how an estimator is taken apart and put together."""
    entries = ESTIMATORS[cls].split()
    optional = [entry.rstrip("*~") for entry in entries if "~" in entry]
    required = [entry.rstrip("*?") for entry in entries if "~" not in entry]
    attributes = Attributes(cls, (*required,), (*optional,), _complete)

    def take(estimator: Any) -> dict[str, Any]:
        """Return all attributes; TypeError for unknown ones, which may matter."""
        found = attributes.take(estimator)
        fresh = cls(**estimator.get_params(deep=False))
        unknown = vars(estimator).keys() - found.keys() - vars(fresh).keys()
        if found.get("memory") is not None:
            unknown = {"memory"}  # a cache is a folder of pickles
        if unknown:
            raise TypeError(f"files do not hold its {sorted(unknown)!s:.200}.")
        return found

    return Kind(take, attributes.put)


SELECTOR = ("pattern", "dtype_include", "dtype_exclude")
SCIKIT_LEARN = {f"sklearn.{cls.__name__}": _kind(cls) for cls in ESTIMATORS} | {
    "sklearn.make_column_selector": Kind(
        lambda selector: {name: getattr(selector, name) for name in SELECTOR},
        lambda parts: compose.make_column_selector(**parts),
    ),
    # What scikit-learn before 1.7 has as columns of the remainder: a list that warns.
    "sklearn._RemainderColsList": Kind(
        lambda columns: columns.data, lambda parts: [*put_tuple(parts)]
    ),
}
