"""Standalone PyTorch source of a network."""

from archlang.backends.torch.source.text import source

__all__ = ["source"]
