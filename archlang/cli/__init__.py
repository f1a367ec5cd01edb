"""The command line: ``archlang check | summary | compile | train | weights | sizes | ops``.

Exit codes: 0 clean, 1 findings, 2 usage or input and output, 130 interrupted.
"""

from archlang.cli.app import main

__all__ = ["main"]
