from __future__ import annotations

from math import log

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from archlang.backends.torch.modules import DropConnectLinear, DropPath  # noqa: E402
from archlang.train.uncertainty import Spread, dropout_alone, dropping_modules  # noqa: E402


def drawn(draws: int, samples: int = 7, classes: int = 5, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(draws, samples, classes, generator=random)).double().softmax(-1)


def test_two_sure_draws_at_odds() -> None:
    # By hand: the mean is (1/2, 1/2), each draw has no entropy, so all of log 2 is at odds.
    spread = Spread.of(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert spread.mean.tolist() == [[0.5, 0.5]]
    assert spread.variance.tolist() == [[0.25, 0.25]]
    assert spread.entropy.item() == pytest.approx(log(2))
    assert spread.mutual_information.item() == pytest.approx(log(2))
    assert spread.expected_entropy.item() == pytest.approx(0)
    assert spread.disagreement.item() == 1


def test_two_unsure_draws_that_agree() -> None:
    # By hand: (3/4, 1/4) twice has the entropy 2 log 2 - 3/4 log 3, and nothing at odds.
    spread = Spread.of(torch.tensor([[[0.75, 0.25]], [[0.75, 0.25]]]))
    assert spread.entropy.item() == pytest.approx(2 * log(2) - 0.75 * log(3))
    assert spread.mutual_information.item() == 0
    assert spread.variance.abs().max().item() == 0
    assert spread.disagreement.item() == 0


def test_draws_that_differ_by_hand() -> None:
    # By hand: means 0.5, 0.3, 0.2, from which each draw is 0.1, 0.2, 0.1 away.
    spread = Spread.of(torch.tensor([[[0.6, 0.1, 0.3]], [[0.4, 0.5, 0.1]]]))
    assert spread.mean[0].tolist() == pytest.approx([0.5, 0.3, 0.2])
    assert spread.variance[0].tolist() == pytest.approx([0.01, 0.04, 0.01])
    assert spread.disagreement.item() == 1
    whole = -(0.5 * log(0.5) + 0.3 * log(0.3) + 0.2 * log(0.2))
    first = -(0.6 * log(0.6) + 0.1 * log(0.1) + 0.3 * log(0.3))
    second = -(0.4 * log(0.4) + 0.5 * log(0.5) + 0.1 * log(0.1))
    assert spread.entropy.item() == pytest.approx(whole)
    assert spread.mutual_information.item() == pytest.approx(whole - (first + second) / 2)


@pytest.mark.parametrize("draws", [1, 2, 5, 30])
def test_against_torch(draws: int) -> None:
    p = drawn(draws)
    spread = Spread.of(p)
    torch.testing.assert_close(spread.mean, p.mean(0))
    torch.testing.assert_close(spread.variance, p.var(0, correction=0))
    whole = torch.distributions.Categorical(spread.mean).entropy()
    torch.testing.assert_close(spread.entropy, whole)
    # Mutual information is the mean divergence of the draws from their mean.
    apart = F.kl_div(spread.mean.log().expand_as(p), p, reduction="none").sum(-1).mean(0)
    torch.testing.assert_close(spread.mutual_information, apart)
    each = torch.distributions.Categorical(p).entropy().mean(0)
    torch.testing.assert_close(spread.expected_entropy, each)


def test_disagreement_counts_pairs() -> None:
    p = drawn(6, samples=40, seed=1)
    named = p.argmax(-1)
    for sample, share in enumerate(Spread.of(p).disagreement.tolist()):
        pairs = [(i, j) for i in range(6) for j in range(i)]
        apart = [named[i, sample] != named[j, sample] for i, j in pairs]
        assert share == pytest.approx(sum(apart) / len(pairs))


def test_bounds_and_order() -> None:
    p = drawn(9, samples=50, seed=2)
    spread = Spread.of(p)
    assert bool((spread.mutual_information >= 0).all())
    assert bool((spread.mutual_information <= spread.entropy + 1e-12).all())
    assert bool((spread.entropy <= log(5) + 1e-12).all())
    again = Spread.of(p[torch.randperm(9, generator=torch.Generator().manual_seed(3))])
    for name in ("mean", "variance", "entropy", "mutual_information", "disagreement"):
        torch.testing.assert_close(getattr(again, name), getattr(spread, name))


def test_equal_draws_are_exactly_sure() -> None:
    p = drawn(1).expand(30, -1, -1)
    spread = Spread.of(p)
    assert bool((spread.variance == 0).all())
    assert bool((spread.mutual_information == 0).all())
    assert bool((spread.mean == p[0]).all())


def network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), DropConnectLinear(8, 8, 0.3)),
        *(DropPath(0.2), nn.AlphaDropout(0.1), nn.Linear(8, 3)),
    )


def test_dropout_alone_leaves_batch_norm() -> None:
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    x = torch.randn(16, 8)
    with dropout_alone(model):
        assert [i for i, m in enumerate(model) if m.training] == [2, 3, 4, 5]
        assert not model.training
        one, two = model(x), model(x)
    assert not torch.equal(one, two)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes


def test_modes_come_back_after_an_error() -> None:
    model = network().eval()
    with pytest.raises(RuntimeError), dropout_alone(model):
        model(torch.randn(2, 9))
    assert not any(m.training for m in model.modules())


def test_attention_drops_its_weights() -> None:
    attention = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    assert dropping_modules(attention) == [attention]
    assert dropping_modules(nn.MultiheadAttention(8, 2)) == []
    x = torch.randn(2, 5, 8)
    attention.eval()
    with dropout_alone(attention), torch.no_grad():
        one, two = (attention(x, x, x, need_weights=False)[0] for _ in range(2))
    assert not torch.equal(one, two)


def test_known_probability() -> None:
    # One input is dropped with p, else scaled by 1/(1-p): the logit is 0 or w/(1-p).
    p, w, draws = 0.25, 1.2, 20_000
    model = nn.Sequential(nn.Dropout(p), nn.Linear(1, 2, bias=False)).eval()
    model[1].weight.data = torch.tensor([[w], [0.0]])
    torch.manual_seed(0)
    with dropout_alone(model), torch.no_grad():
        drawn = model(torch.ones(draws, 1)).double().softmax(-1)[:, None]
    spread = Spread.of(drawn)
    kept, lost = torch.tensor(w / (1 - p)).sigmoid().item(), 0.5
    mean = (1 - p) * kept + p * lost
    variance = p * (1 - p) * (kept - lost) ** 2
    error = (variance / draws) ** 0.5
    assert spread.mean[0, 0].item() == pytest.approx(mean, abs=5 * error)
    assert spread.variance[0, 0].item() == pytest.approx(variance, rel=0.05)
