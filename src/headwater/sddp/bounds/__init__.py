"""The deterministic upper bound: an inner approximation of the future cost."""
