"""Questions about a network, one file a question."""
