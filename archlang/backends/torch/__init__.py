"""PyTorch: modules, source and weights."""

from archlang.backends.torch.build import build

__all__ = ["build"]
