"""What `skops.io.load` has to trust to load the estimators of this package.

Their own checks are those of :func:`sklearn_ae.load`. skops need not be installed for
the names; the extra `skops` brings it: pip install "sklearn_ae[skops]".
"""

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._autoencoder_imputer import AutoencoderImputer
from sklearn_ae._outlier_detector import AutoencoderOutlierDetector
from sklearn_ae._table_encoder import TableEncoder
from sklearn_ae._table_sampler import TableSampler
from sklearn_ae._target_augmenter import TargetAugmenter

__all__ = ["TRUSTED"]

# Names of the estimators, as skops has them in its files.
TRUSTED = [
    f"{cls.__module__}.{cls.__name__}"
    for cls in (
        AutoencoderImputer,
        AutoencoderOutlierDetector,
        AutoencoderTransformer,
        TableEncoder,
        TableSampler,
        TargetAugmenter,
    )
]
