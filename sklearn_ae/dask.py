"""Estimators for arrays and frames of Dask, after the model of `xgboost.dask`.

They need the extra `dask`: pip install "sklearn_ae[dask]".
"""

try:
    from sklearn_ae._dask import AutoencoderTransformer, TableEncoder
except ImportError as error:
    raise ImportError(
        f'{error}. sklearn_ae.dask needs Dask: pip install "sklearn_ae[dask]".'
    ) from error

__all__ = ["AutoencoderTransformer", "TableEncoder"]
