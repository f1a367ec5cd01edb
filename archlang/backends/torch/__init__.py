"""PyTorch: modules, source and weights."""
