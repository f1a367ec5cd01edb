"""archlang: neural network architectures as plain specs, known before a tensor exists."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """What is offered here, imported once it is asked for.

    The program imports what its command needs by itself, while no garbage is looked for.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "diagnostic" if name in ("ArchError", "Diagnostic") else "network"
    return getattr(import_module(f"{__name__}.{home}"), name)
