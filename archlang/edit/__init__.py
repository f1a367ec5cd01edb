"""Changes to the text of a spec that keep what it computes."""
