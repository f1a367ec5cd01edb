"""What a network takes in memory, to the byte."""
