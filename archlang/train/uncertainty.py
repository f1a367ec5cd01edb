"""How sure a prediction is: what several draws of it have in common, and where they part.

Draws are passes with other dropout masks, or the networks of an ensemble.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archlang.backends.torch.modules import DropConnectLinear, DropPath

_DROPPING = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
    *(nn.FeatureAlphaDropout, DropConnectLinear, DropPath),
)


@dataclass(frozen=True)
class Spread:
    """What ``draws`` predictions of N samples among K classes say together; float64.

    ``mean`` and ``variance`` [N, K] are those of a class's probability over the draws, the
    variance divided by their number. ``entropy`` [N], in nats, is that of the mean: how
    uncertain the prediction is. ``mutual_information`` [N], in nats, is what of it comes from
    the draws being at odds (Houlsby et al. 2011, BALD; Gal 2016): 0 where all say the same,
    and the entropy where each is certain. ``disagreement`` [N] is the share of pairs of draws
    that name different classes (Kuncheva and Whitaker 2003); 0 for a single draw.
    """

    mean: Tensor
    variance: Tensor
    entropy: Tensor
    mutual_information: Tensor
    disagreement: Tensor
    draws: int

    @classmethod
    def of(cls, probabilities: Tensor) -> Spread:
        """From ``probabilities`` [draws, N, K], each row of which sums to 1."""
        p = probabilities.double()
        # From the first draw on, so that equal draws give exactly 0.
        mean = p[0] + (p - p[0]).mean(0)
        variance = ((p - p[0]) - (p - p[0]).mean(0)).square().mean(0)
        total, each = entropy(mean), entropy(p)
        shared = (total - each[0]) - (each - each[0]).mean(0)
        votes = nn.functional.one_hot(p.argmax(-1), p.shape[-1]).sum(0)
        pairs = len(p) * (len(p) - 1)
        alike = (votes * (votes - 1)).sum(-1)
        apart = 1 - alike.double() / pairs if pairs else torch.zeros_like(total)
        return cls(mean, variance, total, shared.clamp(min=0), apart, len(p))

    @property
    def expected_entropy(self) -> Tensor:
        """The mean of the draws' own entropies [N], in nats: the rest of the uncertainty."""
        return self.entropy - self.mutual_information

    @staticmethod
    def joined(parts: list[Spread]) -> Spread:
        """Those of several batches, one after the other."""
        names = ("mean", "variance", "entropy", "mutual_information", "disagreement")
        whole = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        return Spread(**whole, draws=parts[0].draws)


def entropy(probabilities: Tensor) -> Tensor:
    """In nats, over the last axis; 0 log 0 is 0."""
    terms: Tensor = torch.special.entr(probabilities)
    return terms.sum(-1)


def dropping_modules(module: nn.Module) -> list[nn.Module]:
    """The modules that drop something at random in training; attention may drop its weights."""

    def drops(m: nn.Module) -> bool:
        return isinstance(m, _DROPPING) or (isinstance(m, nn.MultiheadAttention) and m.dropout > 0)

    return [m for m in module.modules() if drops(m)]


@contextmanager
def dropout_alone(module: nn.Module) -> Iterator[None]:
    """Inside, what drops at random does so as in training; all else is in evaluation.

    Batch norm keeps its running statistics and leaves them alone. Gal and Ghahramani 2016,
    Dropout as a Bayesian approximation.
    """
    before = {m: m.training for m in module.modules()}
    module.eval()
    # The flag itself: train() would reach the modules inside as well.
    for m in dropping_modules(module):
        m.training = True
    try:
        yield
    finally:
        for m, training in before.items():
            m.training = training
