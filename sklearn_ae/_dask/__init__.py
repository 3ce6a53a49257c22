"""Dask's arrays and frames: blocks that workers read, and results that stay lazy."""

from .autoencoder import AutoencoderTransformer
from .tables import TableEncoder
