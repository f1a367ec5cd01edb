"""The loss of a classifier, its auxiliary heads included."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

Outputs = Tensor | Mapping[str, Tensor]


def main_output(outputs: Outputs, aux: Mapping[str, float]) -> Tensor:
    """The logits [N, classes] among what a network returns: the output that is not ``aux``."""
    if isinstance(outputs, Tensor):
        return outputs
    (main,) = (value for name, value in outputs.items() if name not in aux)
    return main


def total_loss(
    outputs: Outputs, labels: Tensor, aux: Mapping[str, float], smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy of the main output plus ``weight`` times that of every auxiliary one.

    Heads as in Szegedy et al. 2015, Going deeper with convolutions; smoothing as in
    Szegedy et al. 2016, Rethinking the inception architecture. Computed in float32.
    """

    def entropy(logits: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    loss = entropy(main_output(outputs, aux))
    if not isinstance(outputs, Tensor):
        for name, weight in aux.items():
            loss = loss + weight * entropy(outputs[name])
    return loss
