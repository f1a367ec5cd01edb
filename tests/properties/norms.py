"""Norms as PyTorch has them, or as their papers do."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

from tests.properties.built import Built, axes_of, dim_of, module
from tests.properties.tree import Args


def bn(a: Args, x: torch.Tensor) -> Built:
    kinds = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
    if x.dim() not in kinds:
        raise ValueError("no batch norm of so many axes")
    return module(
        kinds[x.dim()](
            x.shape[1], a.get("eps", 1e-5), a.get("momentum", 0.1), a.get("affine", True)
        )
    )


def layernorm(a: Args, x: torch.Tensor) -> Built:
    dim = dim_of(a.get("axis", -1), x)
    made = nn.LayerNorm(x.shape[dim], a.get("eps", 1e-5), a.get("affine", True))
    return made, lambda x: made(x.movedim(dim, -1)).movedim(-1, dim)


def groupnorm(a: Args, x: torch.Tensor) -> Built:
    made = nn.GroupNorm(a["groups"], x.shape[1], a.get("eps", 1e-5), a.get("affine", True))
    made(x[:1])  # any batch must run, that of one too
    return module(made)


def instancenorm(a: Args, x: torch.Tensor) -> Built:
    options = {
        "momentum": a.get("momentum", 0.1),
        "affine": a.get("affine", False),
        "track_running_stats": a.get("track", False),
    }
    return module(
        getattr(nn, f"InstanceNorm{axes_of(x)}d")(x.shape[1], a.get("eps", 1e-5), **options)
    )


def rmsnorm(a: Args, x: torch.Tensor) -> Built:
    dim = dim_of(a.get("axis", -1), x)
    made = nn.RMSNorm(x.shape[dim], a.get("eps"), a.get("affine", True))
    return made, lambda x: made(x.movedim(dim, -1)).movedim(-1, dim)


class ResponseNorm(nn.Module):
    """ConvNeXt V2's, its channels last."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.gamma, self.beta = (nn.Parameter(torch.randn(shape)) for _ in range(2))


def grn(a: Args, x: torch.Tensor) -> Built:
    dim = dim_of(a.get("axis", 0), x)
    if x.dim() < 3:
        raise ValueError("no positions")
    made = ResponseNorm(tuple(n if i == dim else 1 for i, n in enumerate(x.shape)))

    def normalised(x: torch.Tensor) -> torch.Tensor:
        last = x.movedim(dim, -1).flatten(1, -2)
        norms = last.square().sum(1, keepdim=True).sqrt()
        scaled = last * norms / (norms.mean(-1, keepdim=True) + a.get("eps", 1e-6))
        out = made.gamma.flatten() * scaled + made.beta.flatten() + last
        return out.view_as(x.movedim(dim, -1)).movedim(-1, dim)

    return made, normalised


def lrn(a: Args, x: torch.Tensor) -> Built:
    size, alpha, beta, k = a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("k", 1)
    if x.dim() < 3:
        raise ValueError("no channels to look across")
    nothing = (0, 0) * (x.dim() - 2)

    def normalised(x: torch.Tensor) -> torch.Tensor:
        squares = F.pad(x.square(), (*nothing, size // 2, (size - 1) // 2)).unfold(1, size, 1)
        return x / (k + alpha / size * squares.sum(-1)) ** beta

    return None, normalised


def normalize(a: Args, x: torch.Tensor) -> Built:
    mean, std = torch.tensor(a["mean"]).float(), torch.tensor(a["std"]).float()
    if not std.all():
        raise ValueError("division by zero")
    if any(figure.ndim and len(figure) != x.shape[1] for figure in (mean, std)):
        raise ValueError("as many figures as channels")
    by_channel = (mean.expand(x.shape[1]), std.expand(x.shape[1]))
    return None, lambda x: torch.stack(
        [(c - m) / s for c, m, s in zip(x.unbind(1), *by_channel, strict=True)], 1
    )
