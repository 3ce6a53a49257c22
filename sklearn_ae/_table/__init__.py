"""Columns of a table as numbers, and back; other rooms use the names below."""

from .columns import Column, learn_column
from .frames import Reader, Values, reader_of, validated_table, with_missing

__all__ = [
    "Column",
    "Reader",
    "Values",
    "learn_column",
    "reader_of",
    "validated_table",
    "with_missing",
]
