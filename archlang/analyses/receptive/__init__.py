"""Receptive fields: which part of the input each place of a tensor sees.

The field of a layer is worked out from front to back with the borders left out (``paths``), that of
single positions from back to front, exactly (``trace``).
"""

from archlang.analyses.receptive.result import (
    AxisField,
    Phase,
    Sight,
    TensorField,
    field_of,
    find,
    places_seen,
    positions,
    sight,
    start_at,
    unseen,
)

__all__ = [
    "AxisField",
    "Phase",
    "Sight",
    "TensorField",
    "field_of",
    "find",
    "places_seen",
    "positions",
    "sight",
    "start_at",
    "unseen",
]
