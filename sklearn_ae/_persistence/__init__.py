"""Files without pickle: what is known of estimators as JSON and arrays."""

from sklearn_ae._persistence.documents import saved as saved
from sklearn_ae._persistence.documents import versions as versions
from sklearn_ae._persistence.files import load as load
from sklearn_ae._persistence.files import save as save
from sklearn_ae._persistence.states import PersistenceMixin as PersistenceMixin
from sklearn_ae._persistence.tables import check_table as check_table
from sklearn_ae._persistence.values import need as need
