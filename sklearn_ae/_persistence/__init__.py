"""Files without pickle."""
