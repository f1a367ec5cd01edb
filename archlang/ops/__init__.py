"""The layers, one family a file. A new file in this folder is found by itself."""

from importlib import import_module
from pkgutil import iter_modules

from archlang.op import Op

# What `Op` has are facts about a class, no fields. pydantic would work out their annotations anew
# for every layer, to see just that: half of the time that the layers take to be imported.
Op.__annotations__.clear()

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
