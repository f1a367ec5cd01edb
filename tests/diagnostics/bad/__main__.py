"""Write what `check` says of each bad spec anew, and say which differ."""

from tests.diagnostics.bad.snapshot import FOLDER, NAMES, snapshot

for name in NAMES:
    file = FOLDER / f"{name}.txt"
    text = snapshot(name)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
        print(file.name)
for file in FOLDER.glob("*.txt"):
    if file.stem not in NAMES:
        file.unlink()
