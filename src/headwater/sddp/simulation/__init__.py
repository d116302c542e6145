"""Operating a policy over scenarios."""
