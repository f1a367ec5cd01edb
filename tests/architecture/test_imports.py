"""Imports point one way, and only the PyTorch backend and training know torch."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "archlang"

# A room may import from rooms with a smaller number, and from itself.
ROOMS = {
    "source": 0,
    "limits": 1,
    "collector": 0,
    "frames": 0,
    "sizes": 0,
    "spelling": 0,
    "strides": 0,
    "types": 1,
    "wording": 2,
    "window": 1,
    "terminal": 0,
    "diagnostic": 1,
    "rules": 2,
    "step": 2,
    "op": 3,
    "autograd": 3,
    "arguments": 4,
    "ops": 5,
    "syntax": 5,
    "graph": 6,
    "elaborate": 7,
    "analyses": 8,
    "backends": 9,
    "inspection": 9,
    "network": 10,
    "columns": 10,
    "plots": 11,
    "edit": 11,
    "report": 11,
    "reference": 11,
    "lints": 11,
    "comparison": 12,
    "draw": 12,
    "train": 12,
    "cli": 13,
}
LATE = {("archlang.network", "archlang.draw.diagram")}
"""Imports against the order that are made when asked for: a network draws itself in a notebook."""
TORCH_ROOMS = ("archlang.backends.torch", "archlang.train")


def room(module: str) -> str:
    return module.split(".")[1]


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(text: str, top_level_only: bool = False) -> list[str]:
    """Modules that a file imports, but for the sake of types alone."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if top_level_only and isinstance(node, ast.FunctionDef):
            return
        if isinstance(node, ast.Import):
            found.extend(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.extend(
                f"{node.module}.{a.name}" if node.module == "archlang" else node.module
                for a in node.names
            )
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(text))
    return found


def wrong_way(module: str, text: str) -> list[str]:
    """Imports of a file that point the wrong way."""
    here = room(module)
    at_once = imports(text, top_level_only=True)
    return [
        name
        for name in imports(text)
        if name.startswith("archlang.")
        and room(name) in ROOMS
        and room(name) != here
        and ROOMS[room(name)] >= ROOMS[here]
        and ((module, name) not in LATE or name in at_once)
    ]


def uses_torch(text: str) -> bool:
    return any(name.split(".")[0] in ("torch", "torchvision") for name in imports(text, True))


FILES = sorted(PACKAGE.rglob("*.py"))
ROOM_FILES = [f for f in FILES if module_name(f) not in ("archlang", "archlang.__main__")]


@pytest.mark.parametrize("file", ROOM_FILES, ids=module_name)
def test_imports_point_one_way(file):
    assert room(module_name(file)) in ROOMS, "a new room needs its place in the order"
    assert not wrong_way(module_name(file), file.read_text())


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_only_the_torch_rooms_import_torch(file):
    if not module_name(file).startswith(TORCH_ROOMS):
        assert not uses_torch(file.read_text())


def test_these_tests_can_fail():
    assert wrong_way("archlang.ops.conv", "from archlang.elaborate.scope import Env")
    assert wrong_way("archlang.types", "def f():\n    import archlang.op")
    assert not wrong_way("archlang.elaborate.x", "from archlang.graph import Node")
    assert wrong_way("archlang.network", "import archlang.draw.diagram")
    assert not wrong_way("archlang.network", "def f():\n    import archlang.draw.diagram")
    assert uses_torch("import torch.nn")
    assert uses_torch("from torch import nn")


WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.split(".")[0] in {blocked} else find(name, path, target)

PathFinder.find_spec = find_spec
sys.argv = ["archlang", *{arguments}]
from archlang.cli import main
main()
"""


def run_without(blocked: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT_TORCH.format(blocked=blocked, arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


ABSENT = {"torch", "numpy", "safetensors", "sklearn", "torchvision"}


@pytest.mark.parametrize("command", ["check", "summary", "convolutionize"])
def test_the_core_works_without_torch(command):
    spec = str(PACKAGE.parent / "specs" / "resnet.arch")
    done = run_without(ABSENT, command, spec, "--model", "resnet152")
    assert done.returncode == 0, done.stderr
    assert "60,192,808" in done.stdout


def test_networks_are_compared_without_torch():
    spec = str(PACKAGE.parent / "specs" / "resnet.arch")
    done = run_without(ABSENT, "diff", f"{spec}:resnet101", ":resnet152")
    assert done.returncode == 1, done.stderr
    assert "60,192,808" in done.stdout
    done = run_without(ABSENT, "summary", spec, "--model", "resnet18", "--compat", "ptflops")
    assert "by ptflops" in done.stdout, done.stderr


def test_combinations_are_held_to_budgets_without_torch():
    spec = str(PACKAGE.parent / "specs" / "lenet5.arch")
    arguments = ["-m", "lenet5", "--set", "classes=10,1000", "--set", "optimizer.lr=0.1,0.01"]
    budgets = ["--require", "params <= 100K", "--require", "memory <= 1GB", "--dry-run"]
    done = run_without(ABSENT | {"matplotlib", "ray"}, "sweep", spec, *arguments, *budgets)
    assert done.returncode == 0, done.stderr
    assert "4 combinations: 2 left out, 2 to train" in done.stderr
    done = run_without(ABSENT, "sweep", spec, *arguments)
    assert done.returncode == 2
    assert "training needs PyTorch" in done.stderr


def test_the_core_without_torch_can_fail():
    done = run_without({"lark"}, "check", str(PACKAGE.parent / "specs" / "resnet.arch"))
    assert done.returncode != 0


@pytest.mark.parametrize("command", ["compile", "train"])
def test_what_needs_torch_says_so(command):
    done = run_without(ABSENT, command, str(PACKAGE.parent / "specs/lenet5.arch"), "-m", "lenet5")
    assert done.returncode == 2
    assert "PyTorch" in done.stderr
    assert "pip install 'archlang[torch]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_public_surface_is_small():
    import archlang

    assert sorted(archlang.__all__) == [
        "ArchError",
        "Diagnostic",
        "ModelChoiceError",
        "Network",
        "__version__",
        "load",
        "loads",
    ]
    assert all(getattr(archlang, name).__doc__ for name in archlang.__all__)


def test_the_package_imports_nothing_until_it_is_asked():
    code = "import sys, archlang; print(*(m for m in sys.modules if m.startswith('archlang.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_package_has_no_other_names():
    import archlang

    with pytest.raises(AttributeError, match="no attribute 'lodes'"):
        _ = archlang.lodes


IMPORTED = """
import sys
sys.argv = ["archlang", *{arguments}]
from archlang.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
OUTSIDE = {"lark", "pydantic", "typer"}
"""What a check takes of others' packages; what these take themselves is theirs."""
NOT_NEEDED = {
    "networkx", "matplotlib", "rich", "torch", "numpy", "PIL", "jinja2", "pygments", "jsonschema",
    "asyncio", "concurrent", "multiprocessing", "sqlite3", "xml", "http", "unittest",
    "json",
}  # fmt: skip
ROOMS_OF_OTHERS = ("backends", "comparison", "draw", "plots", "reference", "rules", "train")
"""What belongs to other commands than ``check`` and ``summary``."""
WHEN_WRONG = (
    "archlang.analyses.guesses", "archlang.analyses.memory.ledger",
    "archlang.analyses.rechecks", "archlang.analyses.repairs",
    "archlang.analyses.undetermined", "archlang.elaborate.declared", "archlang.syntax.brackets",
    "archlang.syntax.recovery", "archlang.syntax.wording",
)  # fmt: skip
"""What is imported once something is found, and not before."""
OTHER_COMMANDS = {"app", "common", "fixes", "formats", "output", "settings", "table"}


@cache
def imported(*arguments: str) -> frozenset[str]:
    """The modules that a command has imported by its end."""
    code = IMPORTED.format(arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout, done.stderr
    return frozenset(done.stderr.split())


def of_command(command: str) -> frozenset[str]:
    spec = str(PACKAGE.parent / "specs" / "resnet.arch")
    return imported(command, spec, "--model", "resnet18")


@pytest.mark.parametrize("command", ["check", "summary"])
def test_a_command_starts_with_what_it_needs(command: str) -> None:
    """Starting is most of the time that a check takes, and imports are most of starting."""
    modules = of_command(command)
    assert modules >= OUTSIDE
    assert {m.split(".")[0] for m in modules} & NOT_NEEDED == set()
    rooms = tuple(f"archlang.{room}" for room in ROOMS_OF_OTHERS)
    assert [m for m in modules if m.startswith(rooms)] == []
    assert modules & set(WHEN_WRONG) == set()
    commands = {m.split(".")[2] for m in modules if m.startswith("archlang.cli.")}
    assert commands - OTHER_COMMANDS == {command}


def test_a_summary_runs_no_lints() -> None:
    assert "archlang.lints" in of_command("check")
    assert not [m for m in of_command("summary") if m.startswith("archlang.lints")]


def test_what_is_imported_when_wrong_is_there(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.arch"
    spec.write_text("model m { input x: [3, 8, 8]; conv(3x3, 4) : [5, 8, 8]\n")
    found = imported("check", str(spec))
    assert found & set(WHEN_WRONG)
    assert all((PACKAGE.parent / (m.replace(".", "/") + ".py")).is_file() for m in WHEN_WRONG)
