"""Columns of a table as numbers, and back; other rooms use the names below."""

from .columns import Column, learn_column
from .frames import Reader, reader_of, validated_table
from .values import NOTHING, Values, is_missing

__all__ = [
    "NOTHING",
    "Column",
    "Reader",
    "Values",
    "is_missing",
    "learn_column",
    "reader_of",
    "validated_table",
]
