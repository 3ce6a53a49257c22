"""Graphs of ONNX: what writes their nodes, and how skl2onnx gets to know of it."""

from .autoencoder import WIDTHS, write_autoencoder
from .imputer import columns_apart, write_imputer
from .inverse import to_onnx_inverse
from .operators import keep_columns_apart, register
from .table import write_table
from .target import write_augmenter
