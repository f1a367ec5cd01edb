"""Sweeps: many settings of a network, checked against budgets first, then trained.

What is known without training is known without PyTorch: that is imported by `work` and `run`.
"""
