"""From a syntax tree to a network: parameters, blocks, repetition, assertions."""

from archlang.elaborate.program import Model, Program

__all__ = ["Model", "Program"]
