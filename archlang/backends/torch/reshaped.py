"""The weights of one network for another that holds the same values in other shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor


def reshaped(state: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """A state dict with each tensor in its shape of ``shapes``, the values in the same order.

    A row of a linear layer behind a flattened map [C, H, W] is so the kernel of a convolution:
    both count channels first. Raises ``ValueError`` where keys or numbers of values differ.
    """
    if missing := sorted(shapes.keys() ^ state.keys()):
        raise ValueError(f"`{missing[0]}` is in one of the networks alone")
    made = {}
    for key, shape in shapes.items():
        tensor = state[key]
        try:
            made[key] = tensor.reshape(tuple(shape))
        except RuntimeError:
            had = list(tensor.shape)
            raise ValueError(f"`{key}` is {had}, which {list(shape)} does not hold") from None
    return made
