"""Compiled loops of the passes.

They know matrices, bounds, cuts and weights, and no part of a power system.
"""
