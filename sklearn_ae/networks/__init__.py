"""Torch modules for the parameter `module`."""
