"""Pictures of networks: what is drawn, where it lies, and how it is written."""
