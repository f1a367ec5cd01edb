"""Pictures of what the analyses find; they need matplotlib."""
