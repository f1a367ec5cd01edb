"""Bad specs, and what `check` says of each: ``NAME.arch``, and beside it ``NAME.txt``.

What is said was read through as a user would. ``python -m tests.diagnostics.bad`` writes it anew;
what then differs is to be read through again. What the specs use stands in ``used/``.
"""
