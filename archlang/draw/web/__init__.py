"""The interactive page of a network: one HTML file that needs nothing else."""
