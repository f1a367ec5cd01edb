from __future__ import annotations

import random
from time import process_time
from typing import Any

import pytest
import torch

from archlang import loads
from archlang.analyses.memory.account import Setting
from archlang.diagnostic import ArchError
from archlang.network import Network
from archlang.train import TrainError
from archlang.train.errors import UsageError
from archlang.train.memory import Budget
from archlang.train.sweeps.ask import Requirement
from archlang.train.sweeps.check import Checker, Point, again, check
from tests.train.sweeps.specs import NET, asked


def network(point: Point) -> Network:
    combination = point.combination
    given = {path: v for path, v in combination.given if path.startswith("model.")}
    settings = {path.removeprefix("model."): value for path, value in given.items()}
    return loads(NET, combination.model, settings)


def reasons(points: list[Point]) -> list[str]:
    return ["" if p.left_out is None else p.left_out.why for p in points]


def test_figures_are_the_networks() -> None:
    require = ["receptive_field >= 0 and flops >= 0 and neurons >= 0 and depth >= 0 and buffers>=0"]
    ask = asked({"width": "2:9", "repeats": "1:3"}, require=require, cost="memory")
    points = check(ask)
    assert len(points) == 24
    for point in random.Random(0).sample(points, 6):
        made = network(point)
        module = made.to_torch()
        assert point.figures["params"] == sum(p.numel() for p in module.parameters())
        assert point.figures["buffers"] == sum(b.numel() for b in module.buffers())
        for name in ("params", "buffers", "macs", "flops", "neurons", "depth"):
            assert point.figures[name] == getattr(made.totals, name)
        repeats = int(point.combination.texts["repeats"])
        assert point.figures["receptive_field"] == 1 + 2 * repeats
        recipe = ask.recipe(point.combination)
        assert recipe.batch_size == 64
        assert point.figures["memory"] == made.memory(Setting(64)).step.total
        assert point.figures["memory"] == Budget(made, recipe, torch.device("cpu")).predicted


@pytest.mark.parametrize("name", ["params", "macs", "memory", "receptive_field"])
def test_a_budget_leaves_out_what_is_above_it(name: str) -> None:
    settings = {"width": "2:9", "repeats": "1:3"}
    whole = check(asked(settings, require=[f"{name} >= 0"]))
    limit = sorted(p.figures[name] for p in whole)[10]
    held = check(asked(settings, require=[f"{name} <= {limit}"]))
    assert [p.left_out is None for p in held] == [p.figures[name] <= limit for p in whole]
    assert {p.left_out.why for p in held if p.left_out} == {f"{name} <= {limit}"}
    assert all(p.figures[name] > limit for p in held if p.left_out)
    note = next(p.left_out.notes[0] for p in held if p.left_out)
    assert note.startswith(f"{name} is ")


def test_memory_is_that_of_the_recipe() -> None:
    settings = {
        "batch_size": "8,32",
        "accumulate": "1,4",
        "optimizer": "sgd,adamw",
        "ema": "true,false",
        "dtype": "float32,bfloat16",
    }
    ask = asked(settings, cost="memory")
    points = check(ask)
    assert len(points) == 32
    for point in points:
        recipe = ask.recipe(point.combination)
        assert (
            point.figures["memory"] == Budget(network(point), recipe, torch.device("cpu")).predicted
        )
    assert len({p.figures["memory"] for p in points}) > 16
    assert {p.figures["params"] for p in points} == {points[0].figures["params"]}


def test_memory_takes_what_it_is_told() -> None:
    def least(text: str, **settings: str) -> bool:
        (point,) = check(asked({"batch_size": "32", **settings}, require=[text]))
        return point.left_out is None

    made = loads(NET, "net")
    step = made.memory(Setting(32)).step.total
    one = made.memory(Setting(1)).inference.total
    assert least(f"memory <= {step}")
    assert not least(f"memory < {step}")
    assert least(f"memory() == {step}")
    assert least(f"memory(batch=1, train=false) == {one}")
    plain = made.memory(Setting(7, "sgd", "bfloat16", "cuda")).step.total
    assert least(f'memory(batch=7, optimizer="sgd", dtype="bfloat16", device="cuda") == {plain}')
    assert least(f"memory < {step}", dtype="bf16", batch_size="8")


def test_a_budget_may_speak_of_parameters() -> None:
    points = check(asked({"width": "1:4", "repeats": "1:4"}, require=["width <= 2 * repeats"]))
    fit = [p.combination.texts for p in points if p.left_out is None]
    assert len(fit) == 2 + 4 + 4 + 4
    assert all(int(t["width"]) <= 2 * int(t["repeats"]) for t in fit)


def test_what_breaks_the_spec_is_told_and_left_out() -> None:
    points = check(asked({"width": "7:9"}, "picky"))
    found = [p.left_out for p in points]
    assert found[1] is None
    for left_out in (found[0], found[2]):
        assert left_out is not None
        assert left_out.by == "spec"
        assert left_out.why.startswith("A203: branches of `residual` are [")
        assert left_out.finding is not None
        assert "residual { conv(3x3, width) }" in left_out.finding.render()


def test_several_models() -> None:
    points = check(asked({"width": "4,8"}, "net", "picky", "plain"))
    assert [p.combination.model for p in points] == ["net"] * 2 + ["picky"] * 2 + ["plain"] * 2
    assert [p.left_out is None for p in points] == [True, True, False, True, False, False]
    assert "`plain` has no parameter `width`" in reasons(points)[5]


def test_recipes_that_do_not_go_together_are_left_out() -> None:
    points = check(asked({"batch_size": "2,8", "accumulate": "1,4"}))
    assert reasons(points) == ["", "`accumulate` is 4, and should be at most batch_size, "
                               "which is 2", "", ""]  # fmt: skip
    points = check(asked({"optimizer": "sgd,adamw", "optimizer.momentum": "0.8,0.9"}))
    assert [why == "" for why in reasons(points)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"optimizer": "sgd,adm"}, "`optimizer` is 'adm', and should be one of"),
        ({"optimizer.lr": "0.1,-1"}, "`optimizer.lr` is -1, and should be greater than 0"),
        ({"optimizer.rate": "0.1,1"}, "the recipe has no field `optimizer.rate`"),
        ({"epochs": "0"}, "`epochs` is 0, and should be"),
    ],
)
def test_what_no_recipe_has_is_a_mistake(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        check(asked({"width": "4,8", **settings}))
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("budget", "says", "hint"),
    [
        ("parms <= 1M", "for the unknown figure `parms`", "did you mean `params`? the figures are "
         "params, buffers, macs, flops, neurons, depth, receptive_field, memory"),
        ("latency <= 5", "for the unknown figure `latency`", "the figures are params, "),
        ("widht <= 5", "for the unknown figure `widht`", "did you mean `width`?"),
        ("params", "a condition is true or false", 'for example --require "params <= 1M"'),
        ("memory(batch=0) <= 1GB", "`batch` is a whole number from 1, not 0", "for example"),
        ("params <= 50k", "`50k` in --require", "write 50K: the units are K, M, G, KB"),
        ("memory <= 2gib", "`2gib` in --require", "write 2GiB: the units are"),
    ],
)  # fmt: skip
def test_budgets_that_make_no_sense(budget: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        check(asked({"width": "4,8"}, require=[budget]))
    assert says in raised.value.message
    assert raised.value.hint.startswith(hint)
    assert raised.value.exit_code == 2


def test_budgets_that_cannot_be_read() -> None:
    with pytest.raises(ArchError):
        Requirement.of("params <=")


def test_a_parameter_hides_a_figure_of_its_name() -> None:
    from archlang.elaborate import Program
    from archlang.source import Source
    from archlang.train.sweeps.api import ask_of

    spec = "model m(depth = 1) { input x: [4]; linear(4) x depth }"
    settings = {"depth": "1,2,3"}
    ask = ask_of(Program(Source("m.arch", spec)), ["m"], settings, require=["depth <= 2"])
    points = check(ask)
    assert [p.left_out is None for p in points] == [True, True, False]
    assert all("depth" not in p.figures for p in points)


def test_memory_that_is_not_known_is_never_trained() -> None:
    settings = {"compile": "true"}
    (point,) = check(asked(settings, require=["memory <= 1GB"]))
    assert point.left_out is not None
    assert point.left_out.notes == ("what a step takes is not predicted with compile",)
    assert check(asked(settings))[0].left_out is None


def test_draws_go_on_until_enough_fit() -> None:
    settings = {"width": "1:40", "repeats": "1:5"}
    require = ["params <= 600"]
    points = check(asked(settings, require=require, draw=5, seed=1))
    assert sum(p.left_out is None for p in points) == 5
    assert points[-1].left_out is None
    more = check(asked(settings, require=require, draw=6, seed=1))
    assert more[: len(points)] == points
    fit = sum(p.left_out is None for p in check(asked(settings, require=require)))
    every = check(asked(settings, require=require, draw=1000, seed=1))
    assert len(every) == 200
    assert sum(p.left_out is None for p in every) == fit


def test_seeds_are_said_once() -> None:
    with pytest.raises(UsageError, match="has several values, and --seeds asks for 3 of each"):
        asked({"recipe.seed": "0,1"}, seeds=3)
    assert asked({"recipe.seed": "5"}, seeds=3).seeds == 3


def test_a_second_look_with_more_known() -> None:
    ask = asked({"width": "2:5"}, require=["memory <= 300KB"])
    points = check(ask)
    kept = [p.left_out is None for p in points]
    assert kept == [True, True, False, False]

    def fits(network: Network) -> None:
        if network.settings["width"] == "2":
            raise TrainError("it is too thin", "make it wider")

    seen = again(points, Checker(ask, fits=fits))
    assert reasons(seen) == ["it is too thin", "", *["memory <= 300KB"] * 2]
    on_cuda = again(points, Checker(ask, lambda name: "cuda"))
    assert on_cuda[0].figures["memory"] != points[0].figures["memory"]


def test_a_thousand_networks_are_looked_at_in_seconds() -> None:
    ask = asked({"width": "1:100", "repeats": "1:10"}, require=["params <= 20K"])
    started = process_time()
    points = check(ask)
    assert len(points) == 1000
    assert process_time() - started < 20  # 2 s on an idle machine


def test_neighbours_share_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = asked({"width": "1:4", "optimizer.lr": "0.1,0.2,0.3"}, require=["memory <= 1GB"])
    checker = Checker(ask)
    assert len(check(ask, checker)) == 12
    assert checker._network.cache_info().misses == 4
