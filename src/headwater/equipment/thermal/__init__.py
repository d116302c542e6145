"""Thermal plants: generation with convex cost, and dispatch that is decided ahead."""
