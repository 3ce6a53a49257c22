"""Who gets what a fit is given beside rows and target."""

from typing import Any

from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import has_fit_parameter


def routed_params(
    owner: Any, sample_weight: Any, params: dict[str, Any]
) -> tuple[dict[str, Any], ArrayLike | None]:
    """Return what `fit` of the owner's estimator gets, and the groups of the folds.

    With metadata routing, what they request; without, all but `groups`.
    """
    estimator = owner.estimator
    if get_config()["enable_metadata_routing"]:
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        routed = process_routing(owner, "fit", **params, **given)
        fit_params = {} if estimator is None else dict(routed.estimator.fit)
        return fit_params, routed.splitter.split.get("groups")
    fit_params = dict(params)
    groups = fit_params.pop("groups", None)
    if estimator is None:
        if fit_params:
            raise TypeError(
                f"fit got {sorted(fit_params)}, which the default estimator does not "
                "take. Give an estimator."
            )
    elif sample_weight is not None:
        if not has_fit_parameter(estimator, "sample_weight"):
            raise ValueError(
                f"estimator={estimator!r:.80} takes no sample_weight in fit. Give "
                "another one, or fit without weights."
            )
        fit_params["sample_weight"] = sample_weight
    return fit_params, groups
