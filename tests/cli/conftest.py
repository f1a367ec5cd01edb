import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from archlang.cli import main

SPECS = Path(__file__).parents[2] / "specs"


@dataclass
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process."""

    def runner(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["archlang", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Ended(0 if code is None else int(code), captured.out, captured.err)

    return runner


@pytest.fixture
def spec(tmp_path):
    """Write a spec to a file."""

    def write(text: str, name: str = "net.arch") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


RESNET = str(SPECS / "resnet.arch")
LENET = str(SPECS / "lenet5.arch")
