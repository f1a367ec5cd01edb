"""How the program starts: what it has imported is not looked through for garbage."""

import gc
import sys

from archlang.cli import app


def test_nothing_is_collected_between_the_imports_and_the_command(monkeypatch):
    collected, made = [], []

    def collecting(phase, info):
        collected.append(phase)

    def program(names):
        made.extend([] for _ in range(100_000))
        gc.callbacks.append(collecting)
        return lambda: gc.callbacks.remove(collecting)

    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "__all__")
    monkeypatch.setattr(sys, "argv", ["archlang", "check"])
    monkeypatch.setattr(app, "program", program)
    app.main()
    assert not collected
