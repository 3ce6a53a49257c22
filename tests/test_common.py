"""scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import AutoencoderImputer, AutoencoderTransformer, TableEncoder

CONFIGURATIONS = [
    AutoencoderTransformer(),
    AutoencoderTransformer(init="random"),
    AutoencoderTransformer(early_stopping=True),
    AutoencoderImputer(random_state=0),
    TableEncoder(),
]


def excused(estimator):
    """Name the check that batches drawn at random cannot pass, as for MLPClassifier.

    test_weights.py holds what can be asked for instead.
    """
    if not isinstance(estimator, AutoencoderTransformer):
        return {}
    reason = "a repeated row and a row of weight 2 fall into different batches"
    return {"check_sample_weight_equivalence_on_dense_data": reason}


@parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=excused)
def test_sklearn_estimator_checks(estimator, check):
    check(estimator)
