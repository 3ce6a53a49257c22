"""scikit-learn's own checks, none excused."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_ae import AutoencoderTransformer

CONFIGURATIONS = [
    AutoencoderTransformer(),
    AutoencoderTransformer(init="random"),
    AutoencoderTransformer(early_stopping=True),
]


@parametrize_with_checks(CONFIGURATIONS)
def test_sklearn_estimator_checks(estimator, check):
    check(estimator)
