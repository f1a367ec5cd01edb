"""How fast archlang is, against what one would use in its place."""
