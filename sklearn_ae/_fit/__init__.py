"""A fit, step by step: start, train, cross-validate, finish."""
