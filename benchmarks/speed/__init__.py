"""How fast the autoencoder is and how much memory it takes, method by method."""

from benchmarks.speed.command import SUITE

__all__ = ["SUITE"]
