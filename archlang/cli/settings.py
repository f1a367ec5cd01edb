"""What a project says of archlang: the table ``[tool.archlang]`` of its pyproject.toml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from archlang.cli.common import stop
from archlang.limits import LimitError, current, projects
from archlang.source import shown_path
from archlang.spelling import nearest

if TYPE_CHECKING:
    from archlang.lints.choice import Choice

FILE = "pyproject.toml"
CODES = ("select", "ignore")
KEYS = (*CODES, "limits")


class _Project(NamedTuple):
    """The project that a spec is in: its file, the text of that, and what it says of archlang."""

    path: Path
    text: str
    table: dict[str, Any]

    def wrong(self, message: str, *keys: str, hint: str = "") -> NoReturn:
        """End the program: what is said of some key is shown with its line."""
        line = _line(self.text, ("tool", "archlang", *keys))
        shown = self.text.splitlines()[line - 1].rstrip() if line else ""
        place = f"{shown_path(str(self.path))}:{line}" if line else shown_path(str(self.path))
        stop(f"{place}: {message}" + (f"\n{line} | {shown}" if line else ""), hint=hint)


def choice(file: str, select: list[str] | None, ignore: list[str] | None) -> Choice:
    """The lints that are wanted for a spec: the options go before the project's table.

    ``select`` takes the place of the project's, ``ignore`` comes on top of it. The project is that
    of the nearest pyproject.toml above the spec; of the working folder for standard input.
    """
    from archlang.lints.choice import Choice  # most commands want the limits alone

    project = _project(file)
    table = project.table if project else {}
    for key in CODES:
        try:
            Choice(tuple(table.get(key, ())))
        except ValueError as error:
            assert project is not None
            project.wrong(str(error), key, hint="`archlang rules` lists them all")
    try:
        return Choice(
            tuple(_split(select) or table.get("select", ("all",))),
            (*table.get("ignore", ()), *_split(ignore)),
        )
    except ValueError as error:
        stop(str(error), hint="`archlang rules` lists them all")


def hold(file: str) -> None:
    """Let the limits hold that the project of a spec sets; ends the program where it cannot.

    Raises ``LimitError`` where the environment says what cannot be.
    """
    project = _project(file)
    limits = project.table.get("limits", {}) if project else {}
    try:
        projects(limits)
    except LimitError as error:
        assert project is not None
        project.wrong(str(error), "limits", error.name, hint=error.hint)
    current()


def settings_file(file: str) -> Path | None:
    """The pyproject.toml that a spec goes by, if there is one that speaks of archlang."""
    path = _nearest(file)
    return path if path is not None and "archlang" in _text(path) else None


def _split(given: list[str] | None) -> list[str]:
    """Codes one by one: an option takes several, with commas between them."""
    return [code.strip() for item in given or [] for code in item.split(",") if code.strip()]


def _nearest(file: str) -> Path | None:
    try:
        folder = Path.cwd() if file == "-" else Path(file).resolve().parent
    except (OSError, ValueError):  # such a file cannot be read, which is said where it is
        return None
    return next((p for f in (folder, *folder.parents) if (p := f / FILE).is_file()), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _project(file: str) -> _Project | None:
    """The project of a spec; ends the program where what it says is wrong."""
    path = _nearest(file)
    text = _text(path) if path is not None else ""
    if path is None or "archlang" not in text:
        return None
    import tomllib  # reading it takes longer than looking whether there is anything to read

    try:
        table = tomllib.loads(text).get("tool", {}).get("archlang", {})
    except tomllib.TOMLDecodeError as error:
        stop(f"{shown_path(str(path))} is not TOML: {error}")
    project = _Project(path, text, table)
    _check(project)
    return project


def _check(project: _Project) -> None:
    table = project.table
    if not isinstance(table, dict):
        project.wrong("`archlang` is not a table", hint="write `[tool.archlang]`")
    for key, value in table.items():
        if key not in KEYS:
            guess = nearest(key, list(KEYS))
            hint = f"did you mean `{guess}`?" if guess else f"it has {', '.join(KEYS)}"
            project.wrong(f"`[tool.archlang]` has no key `{key}`", key, hint=hint)
        if key == "limits" and not isinstance(value, dict):
            hint = "write `[tool.archlang.limits]`, and below it `layers = 100000`"
            project.wrong("`limits` is not a table", key, hint=hint)
        codes = isinstance(value, list) and all(isinstance(v, str) for v in value)
        if key in CODES and not codes:
            project.wrong(f"`{key}` takes a list of codes", key, hint=f'{key} = ["A303"]')


def _line(text: str, keys: Sequence[str]) -> int:
    """The line on which a value of a TOML text begins, from 1; 0 where it has none.

    It begins behind the last line up to which the text can be read and does not have it yet.
    """
    import tomllib

    lines, begins = text.splitlines(keepends=True), 0
    for number in range(1, len(lines) + 1):
        try:
            found: Any = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            return begins + 1
        begins = number
    return 0
