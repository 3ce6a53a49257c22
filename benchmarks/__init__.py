"""Benchmarks of sklearn_ae; they are run from a checkout and are not installed."""
