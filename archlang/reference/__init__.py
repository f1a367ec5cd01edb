"""The reference documentation: one page for each layer, and for what the library defines."""

from archlang.reference.pages import (
    GLOSSARY,
    Example,
    Figures,
    Group,
    Page,
    Setting,
    block_groups,
    example_network,
    figures,
    find,
    layer_groups,
    layer_page,
    names,
    signature,
)

__all__ = [
    "GLOSSARY",
    "Example",
    "Figures",
    "Group",
    "Page",
    "Setting",
    "block_groups",
    "example_network",
    "figures",
    "find",
    "layer_groups",
    "layer_page",
    "names",
    "signature",
]
