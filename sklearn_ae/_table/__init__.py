"""Columns of a table as numbers, and back; other rooms use the names below."""

from .columns import Column, learn_column
from .frames import CATEGORIES, Reader, Values, reader_of

__all__ = ["CATEGORIES", "Column", "Reader", "Values", "learn_column", "reader_of"]
