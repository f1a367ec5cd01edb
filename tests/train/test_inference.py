from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import archlang
from archlang.train import (
    Data,
    TrainError,
    UsageError,
    ensemble,
    mc_dropout,
    predict,
    trained,
)
from archlang.train.data import TensorSamples
from archlang.train.saved import Trained
from tests.train.data.files import classes, picture
from tests.train.networks import stripes
from tests.train.trained import run, small


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Trained]:
    home = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        run(home / str(seed), small(width=8 + seed), seed=seed)
    return [trained(home / str(seed), device="cpu") for seed in range(3)]


@pytest.fixture(scope="module")
def images() -> Tensor:
    samples = stripes().test
    assert isinstance(samples, TensorSamples)
    return samples.images


@pytest.fixture
def saved(tmp_path: Path, images: Tensor) -> Path:
    """The images as files, one of them in a folder inside."""
    home = tmp_path / "images"
    (home / "more").mkdir(parents=True)
    for i, image in enumerate(images):
        name = f"more/{i}.png" if i == 3 else f"{i}.png"
        Image.fromarray(image[0].numpy()).save(home / name)
    (home / "notes.txt").write_text("not an image, and left out")
    return home


def by_hand(one: Trained, images: Tensor) -> Tensor:
    with torch.no_grad():
        logits = one.module(one.prepare(images))
    assert isinstance(logits, Tensor)
    return F.softmax(logits.double(), 1)


def test_probabilities(members: Sequence[Trained], images: Tensor) -> None:
    found = predict(members[0], images)
    wanted = by_hand(members[0], images)
    torch.testing.assert_close(found.probabilities, wanted)
    torch.testing.assert_close(found.probabilities.sum(1), torch.ones(20, dtype=torch.float64))
    assert found.names[:2] == ("0", "1")
    best, place = wanted.max(1)
    names = members[0].classes
    assert found.labels == tuple(names[i] for i in place.tolist())
    for row, p, label in zip(found.top(2), best.tolist(), found.labels, strict=True):
        assert len(row) == 2
        assert row[0] == (label, pytest.approx(p))
        assert row[0][1] >= row[1][1]
    assert [len(row) for row in found.top(9)] == [3] * 20


def test_equal_probabilities_keep_the_order_of_classes(members: Sequence[Trained]) -> None:
    module: Any = members[0].network.to_torch()
    nn.init.zeros_(module.head.weight)
    nn.init.zeros_(module.head.bias)
    flat = replace(members[0], module=module.eval())
    found = predict(flat, torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    assert [name for name, _ in found.top(3)[0]] == ["top", "middle", "bottom"]


@pytest.mark.parametrize("batch_size", [1, 6, 64])
def test_files_and_folders(
    members: Sequence[Trained], images: Tensor, saved: Path, batch_size: int
) -> None:
    wanted = predict(members[0], images).probabilities
    found = predict(members[0], saved, batch_size=batch_size)
    order = [int(Path(name).stem) for name in found.names]
    assert sorted(order) == list(range(20))
    assert str(saved / "more" / "3.png") in found.names
    torch.testing.assert_close(found.probabilities, wanted[order], atol=1e-6, rtol=1e-5)
    two = predict(members[0], [saved / "4.png", str(saved / "more")])
    assert [Path(name).stem for name in two.names] == ["4", "3"]


def test_an_ensemble_of_one_is_the_one(members: Sequence[Trained], images: Tensor) -> None:
    single, alone = predict(members[0], images), ensemble([members[0]], images)
    assert torch.equal(single.probabilities, alone.probabilities)
    for twice in (alone, ensemble([members[0]] * 4, images)):
        assert torch.equal(twice.probabilities, single.probabilities)
        assert not twice.spread.variance.any()
        assert not twice.spread.mutual_information.any()
        assert not twice.spread.disagreement.any()


def test_an_ensemble_averages_probabilities(members: Sequence[Trained], images: Tensor) -> None:
    found = ensemble(members, images)
    each = torch.stack([by_hand(one, images) for one in members])
    torch.testing.assert_close(found.probabilities, each.mean(0))
    torch.testing.assert_close(found.spread.variance, each.var(0, correction=0))
    named = each.argmax(-1)
    apart = sum((named[i] != named[j]).double() for i in range(3) for j in range(i)) / 3
    torch.testing.assert_close(found.spread.disagreement, torch.as_tensor(apart))
    assert (found.members, found.passes, found.spread.draws) == (3, 1, 3)


def test_each_member_prepares_in_its_own_way(members: Sequence[Trained], images: Tensor) -> None:
    prepare = replace(members[0].prepare, mean=(0.9,), std=(0.1,))
    other = replace(members[0], prepare=prepare)
    each = torch.stack([by_hand(members[0], images), by_hand(other, images)])
    torch.testing.assert_close(ensemble([members[0], other], images).probabilities, each.mean(0))


def test_dropout_draws(members: Sequence[Trained], images: Tensor) -> None:
    before = {name: value.clone() for name, value in members[0].module.state_dict().items()}
    state = torch.get_rng_state()
    one = mc_dropout(members[0], images, 8)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(
        torch.equal(value, before[name]) for name, value in members[0].module.state_dict().items()
    )
    assert not any(m.training for m in members[0].module.modules())
    assert bool((one.spread.variance > 0).all())
    assert bool((one.spread.mutual_information > 0).all())
    same, other = (mc_dropout(members[0], images, 8, seed=seed) for seed in (0, 1))
    assert torch.equal(one.probabilities, same.probabilities)
    assert not torch.equal(one.probabilities, other.probabilities)


def test_one_pass_differs_from_no_dropout(members: Sequence[Trained], images: Tensor) -> None:
    one = mc_dropout(members[0], images, 1)
    assert not torch.equal(one.probabilities, predict(members[0], images).probabilities)
    assert not one.spread.variance.any()


def test_dropout_that_never_drops(tmp_path: Path, images: Tensor) -> None:
    run(tmp_path / "run", small(p=0), epochs=1)
    found = mc_dropout(tmp_path / "run", images, 5, device="cpu")
    assert not found.spread.variance.any()
    assert not found.spread.mutual_information.any()
    assert torch.equal(
        found.probabilities, predict(tmp_path / "run", images, device="cpu").probabilities
    )


def test_members_with_dropout(members: Sequence[Trained], images: Tensor) -> None:
    found = ensemble(members[:2], images, 4)
    assert (found.members, found.passes, found.spread.draws) == (2, 4, 8)


def refused(*arguments: Any, of: Any = predict) -> TrainError:
    with pytest.raises(TrainError) as caught:
        of(*arguments)
    return caught.value


def test_what_cannot_be_read(members: Sequence[Trained], tmp_path: Path, saved: Path) -> None:
    one = members[0]
    assert refused(one, saved / "99.png").message == f"there is no file {saved / '99.png'}"
    (tmp_path / "none").mkdir()
    error = refused(one, tmp_path / "none")
    assert error.message == f"{tmp_path / 'none'} holds no images"
    assert "images end in .png" in error.hint
    assert refused(one, []).message == "no image is given"
    (saved / "5.png").write_bytes(b"\x89PNG\r\n")
    assert refused(one, saved).message.startswith(f"{saved / '5.png'} cannot be decoded")
    content = picture(saved / "6.png", size=(90, 90), mode="L").read_bytes()
    (saved / "6.png").write_bytes(content[:300])
    assert refused(one, saved / "6.png").message.startswith(f"{saved / '6.png'} cannot be decoded")


def test_channels(members: Sequence[Trained], tmp_path: Path) -> None:
    """Colour becomes grey where the network was trained on grey, as in training."""
    grey = torch.randint(0, 256, (8, 8), dtype=torch.uint8)
    Image.fromarray(grey.numpy()).save(tmp_path / "grey.png")
    Image.fromarray(grey.numpy()).convert("RGB").save(tmp_path / "colour.png")
    found = predict(members[0], [tmp_path / "grey.png", tmp_path / "colour.png"])
    torch.testing.assert_close(found.probabilities[0], found.probabilities[1])
    with pytest.raises(UsageError, match="the images have 3 channels, but `small` was trained on"):
        predict(members[0], torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    import numpy as np

    np.save(tmp_path / "five.npy", np.zeros((8, 8, 5), np.uint8))
    error = refused(members[0], tmp_path / "five.npy")
    assert error.message.endswith("has 5 channels, but `small` was trained on images of 1")
    with pytest.raises(UsageError, match="images are uint8"):
        predict(members[0], torch.zeros(1, 1, 8, 8))


def test_grey_for_a_network_of_colours(tmp_path: Path) -> None:
    classes(tmp_path / "set")
    spec = archlang.loads("model m { input x: [3, 6, 5]; flatten -> linear(2) }")
    run(tmp_path / "run", spec, f"folder:{tmp_path / 'set'}", epochs=1)
    file = picture(tmp_path / "grey.png", mode="L")
    grey = torch.frombuffer(bytearray(Image.open(file).tobytes()), dtype=torch.uint8)
    held = predict(tmp_path / "run", grey.view(1, 1, 6, 5), device="cpu")
    found = predict(tmp_path / "run", file, device="cpu")
    torch.testing.assert_close(found.probabilities, held.probabilities)


def test_no_dropout(tmp_path: Path, images: Tensor) -> None:
    spec = archlang.loads("model plain { input x: [1, 8, 8]; flatten -> linear(3) }")
    run(tmp_path / "run", spec, epochs=1)
    error = refused(tmp_path / "run", images, of=mc_dropout)
    assert error.message == "`plain` has no dropout, so every pass would be the same"
    assert refused([tmp_path / "run"], images, 0, of=ensemble).message == "0 passes are none"
    assert "at least one" in refused([], images, of=ensemble).message


def test_members_of_other_classes(members: Sequence[Trained], images: Tensor) -> None:
    swapped = replace(members[1], classes=("top", "bottom", "middle"))
    error = refused([members[0], swapped], images, of=ensemble)
    assert error.message == f"class 1 is middle in {members[0].path}, but bottom in {swapped.path}"
    fewer = replace(members[1], classes=("top", "bottom"))
    error = refused([members[0], fewer], images, of=ensemble)
    assert error.message == f"{members[0].path} tells apart 3 classes, but {fewer.path} 2"


def test_classes_of_pixels(tmp_path: Path) -> None:
    spec = archlang.loads("model m { input x: [1, 6, 5]; conv(1x1, 3) }")
    part = torch.zeros(4, 1, 6, 5, dtype=torch.uint8), torch.zeros(4, 6, 5, dtype=torch.uint8)
    run(tmp_path / "run", spec, Data.held("pixels", ("a", "b", "c"), part, part), epochs=1)
    error = refused(tmp_path / "run", part[0])
    assert error.message.startswith("`m` tells a class for each pixel")


def test_broken_weights(members: Sequence[Trained], saved: Path) -> None:
    module: Any = members[0].network.to_torch()
    nn.init.constant_(module.head.bias, float("inf"))
    error = refused(replace(members[0], module=module.eval()), saved / "0.png")
    assert error.message.endswith(f"not finite for {saved / '0.png'}")
