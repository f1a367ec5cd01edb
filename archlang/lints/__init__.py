"""What PyTorch runs, and is probably not meant: findings that are warnings.

Each lint is one function, known by its code. Those in ``layers`` look at a network, those in
``names`` at the text alone. What is said of a line is left out where that line ignores its code.
"""

from archlang.lints.choice import Choice
from archlang.lints.run import lint

__all__ = ["Choice", "lint"]
