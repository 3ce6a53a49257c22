"""ONNX graphs of fitted estimators; importing it tells skl2onnx of this package.

It needs the extra `onnx`: pip install "sklearn_ae[onnx]".
"""

try:
    from sklearn_ae._onnx import (
        WIDTHS,
        columns_apart,
        keep_columns_apart,
        register,
        to_onnx_inverse,
        write_augmenter,
        write_autoencoder,
        write_imputer,
        write_table,
    )
except ImportError as error:
    raise ImportError(
        f'{error}. sklearn_ae.onnx needs more: pip install "sklearn_ae[onnx]".'
    ) from error

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._autoencoder_imputer import AutoencoderImputer
from sklearn_ae._table_encoder import TableEncoder
from sklearn_ae._target_augmenter import TargetAugmenter

__all__ = ["to_onnx_inverse"]

register(AutoencoderTransformer, write_autoencoder, WIDTHS, exact=("score_samples",))
register(AutoencoderImputer, write_imputer, columns=columns_apart)
register(TableEncoder, write_table)
register(TargetAugmenter, write_augmenter)
keep_columns_apart(TableEncoder, AutoencoderImputer)
