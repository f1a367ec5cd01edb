"""What a network is turned into."""
