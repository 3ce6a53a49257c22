"""What is known of the rows before training: statistics, PCA, missing cells."""

from sklearn_ae._data.imputation import Imputer as Imputer
from sklearn_ae._data.linear_start import LinearStart as LinearStart
from sklearn_ae._data.outliers import outlier_weights as outlier_weights
from sklearn_ae._data.principal_axes import shifted as shifted
from sklearn_ae._data.sparse import array_or_source as array_or_source
from sklearn_ae._data.stored import StoredRows as StoredRows
from sklearn_ae._data.stored import stored_or_given as stored_or_given
from sklearn_ae._data.stored import summary_of as summary_of
from sklearn_ae._data.summary import Moments as Moments
from sklearn_ae._data.summary import Summary as Summary
from sklearn_ae._data.summary import hash_limit as hash_limit
from sklearn_ae._data.summary import hashes_of as hashes_of
from sklearn_ae._data.summary import n_drawn as n_drawn
from sklearn_ae._data.summary import weights_of_part as weights_of_part
from sklearn_ae._data.table import ENOUGH_ROWS as ENOUGH_ROWS
from sklearn_ae._data.table import LARGEST_COPY as LARGEST_COPY
from sklearn_ae._data.table import Source as Source
from sklearn_ae._data.table import Table as Table
from sklearn_ae._data.table import check_some_observed as check_some_observed
from sklearn_ae._data.table import holds_nothing as holds_nothing
from sklearn_ae._data.table import is_large as is_large
from sklearn_ae._data.table import missing_cells as missing_cells
from sklearn_ae._data.table import row_blocks as row_blocks
from sklearn_ae._data.table import source_of as source_of
from sklearn_ae._data.table import stays_in_place as stays_in_place
from sklearn_ae._data.table import values_of as values_of
