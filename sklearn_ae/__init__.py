"""Autoencoders as scikit-learn transformers."""

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._autoencoder_imputer import AutoencoderImputer
from sklearn_ae._card import model_card
from sklearn_ae._display import (
    CodesDisplay,
    ExplainedVarianceDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)
from sklearn_ae._outlier_detector import AutoencoderOutlierDetector
from sklearn_ae._persistence import load, save
from sklearn_ae._table_encoder import TableEncoder
from sklearn_ae._table_sampler import TableSampler
from sklearn_ae._target_augmenter import TargetAugmenter
from sklearn_ae._version import __version__ as __version__
from sklearn_ae.networks import FullyConnected

__all__ = [
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderTransformer",
    "CodesDisplay",
    "ExplainedVarianceDisplay",
    "FullyConnected",
    "LossCurveDisplay",
    "ReconstructionDisplay",
    "TableEncoder",
    "TableSampler",
    "TargetAugmenter",
    "load",
    "model_card",
    "save",
]
