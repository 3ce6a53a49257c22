"""Files without pickle: a state dict with a JSON header."""

from sklearn_ae._persistence.files import PersistenceMixin as PersistenceMixin
