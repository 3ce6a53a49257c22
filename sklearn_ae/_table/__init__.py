"""Columns of a table as numbers, and back; other rooms use the names below."""

from .columns import (
    CategoryColumn,
    Column,
    MissingColumn,
    NumericColumn,
    TimeColumn,
    encode_sparse,
    learn_column,
    what_is_spelled,
)
from .frames import (
    ArrayReader,
    PandasReader,
    PolarsReader,
    Reader,
    like,
    reader_of,
    table_tags,
    validated_table,
)
from .values import CATEGORIES, NOTHING, NUMBERS, Values, is_missing

__all__ = [
    "CATEGORIES",
    "NOTHING",
    "NUMBERS",
    "ArrayReader",
    "CategoryColumn",
    "Column",
    "MissingColumn",
    "NumericColumn",
    "PandasReader",
    "PolarsReader",
    "Reader",
    "TimeColumn",
    "Values",
    "encode_sparse",
    "is_missing",
    "learn_column",
    "like",
    "reader_of",
    "table_tags",
    "validated_table",
    "what_is_spelled",
]
