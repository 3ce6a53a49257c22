"""PCA plus a learned correction: modules, code basis, steps of codes, inference."""
