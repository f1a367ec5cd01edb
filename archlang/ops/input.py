"""Where a network begins."""

from typing import Any

from archlang.arguments import Sizes
from archlang.op import Torch, View
from archlang.types import Tensor


class Input(View):
    """A tensor that the network is given. It is a statement, and so has no name as a layer.

    Shape: nothing -> `shape`.
    """

    shape: Sizes

    def infer(self, *xs: Tensor) -> Tensor:
        return Tensor(tuple(self.shape))

    def lower(self, nn: Torch, *xs: Tensor) -> Any:
        return None
