"""``python -m archlang``."""

from archlang.cli import main

main()
