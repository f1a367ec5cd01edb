"""Text to syntax tree and back: the grammar, the tree, the parser, the printer."""
