"""Plots, from public attributes alone."""
