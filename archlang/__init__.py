"""archlang: neural network architectures as plain specs, known before a tensor exists."""

from archlang.diagnostic import ArchError, Diagnostic
from archlang.network import ModelChoiceError, Network, load, loads

__version__ = "0.1.0"

__all__ = [
    "ArchError",
    "Diagnostic",
    "ModelChoiceError",
    "Network",
    "__version__",
    "load",
    "loads",
]
