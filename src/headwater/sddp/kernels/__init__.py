"""Compiled loops of the passes; they know matrices, bounds, cuts and weights, and no part of a power system."""
