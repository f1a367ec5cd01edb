"""Training as one writes it by hand: two networks and a loop in plain PyTorch.

Nothing here is archlang's, and nothing is slower than it need be: images stay in memory as
bytes, and what is done to them is done to whole batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

Part = tuple[Tensor, Tensor]
"""Images uint8 [N, 1, 28, 28] and labels int64 [N]."""


@dataclass(frozen=True)
class Plan:
    """How to train; the rate rises in a straight line and falls as half a cosine."""

    epochs: int
    batch: int
    optimizer: str
    lr: float
    weight_decay: float
    warmup: float = 0.05
    smoothing: float = 0.1
    shift: int = 0
    flip: float = 0.0
    bf16: bool = False


def lenet5() -> nn.Module:
    """LeNet-5 for 28x28, as in specs/lenet5.arch."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, the first at half the size, and what goes past them."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        past = nn.Conv2d(channels, width, 1, 2, bias=False)
        self.downsample = nn.Sequential(past, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.downsample(x)
        return self.relu(y)


class ResNet(nn.Module):
    """The network of examples/fashion_mnist/resnet.arch, under the same labels."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = BasicBlock(width, 2 * width)
        self.layer2 = BasicBlock(2 * width, 4 * width)
        self.layer3 = BasicBlock(4 * width, 8 * width)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Loop:
    """Training, a step at a time; ``accuracies`` has the share of test images right, by epoch."""

    def __init__(self, model: nn.Module, train: Part, test: Part, plan: Plan) -> None:
        self.model, self.train, self.test, self.plan = model, train, test, plan
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        if plan.bf16:
            model.to(memory_format=torch.channels_last)
        pixels = train[0].double()
        self.mean, self.std = pixels.mean().float(), pixels.std(correction=0).float()
        weights = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": weights, "weight_decay": plan.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer: torch.optim.Optimizer
        if plan.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(groups, lr=plan.lr, momentum=0.9, nesterov=True)
        else:
            self.optimizer = torch.optim.AdamW(groups, lr=plan.lr)

    def steps(self) -> Iterator[None]:
        """Train to the end, with a rest after each step; the test comes after an epoch's last."""
        plan, (images, labels) = self.plan, self.train
        last, done = plan.epochs * -(-len(images) // plan.batch), 0
        for _ in range(plan.epochs):
            self.model.train()
            total = 0.0
            for index in torch.randperm(len(images)).split(plan.batch):
                for group in self.optimizer.param_groups:
                    group["lr"] = plan.lr * share(done, last, plan.warmup)
                total += self.step(images[index], labels[index]) * len(index)
                done += 1
                yield
            self.losses.append(total / len(images))
            self.accuracies.append(self.accuracy())

    def step(self, images: Tensor, labels: Tensor) -> float:
        """Forward, backward, update; the loss."""
        x = self.ready(self.augmented(images))
        with self.precision():
            output = self.model(x)
        loss = F.cross_entropy(output.float(), labels, label_smoothing=self.plan.smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self) -> float:
        """The share of the test images that are right."""
        self.model.eval()
        right = 0
        parts = (part.split(self.plan.batch) for part in self.test)
        for images, labels in zip(*parts, strict=True):
            with self.precision():
                output = self.model(self.ready(images))
            right += int((output.argmax(1) == labels).sum())
        return right / len(self.test[0])

    def precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16) if self.plan.bf16 else nullcontext()

    def ready(self, images: Tensor) -> Tensor:
        """Float32, with mean 0 and deviation 1."""
        x = images.float().sub_(self.mean).div_(self.std)
        return x.to(memory_format=torch.channels_last) if self.plan.bf16 else x

    def augmented(self, images: Tensor) -> Tensor:
        """Some mirrored, and all moved, each by its own draw; black moves in."""
        n, _, height, width = images.shape
        if self.plan.flip:
            chosen = torch.rand(n, 1, 1, 1) < self.plan.flip
            images = torch.where(chosen, images.flip(3), images)
        if not (reach := self.plan.shift):
            return images
        windows = F.pad(images, (reach,) * 4).unfold(2, height, 1).unfold(3, width, 1)
        down, right = torch.randint(0, 2 * reach + 1, (2, n))
        return windows[torch.arange(n), :, down, right]


def share(step: int, steps: int, warmup: float) -> float:
    """What of the highest learning rate is taken at ``step``, counted from 0."""
    warm = int(warmup * steps)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + cos(pi * (step - warm) / max(1, steps - warm)))
