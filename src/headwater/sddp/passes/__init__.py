"""Passes over all stages, forward and backward, compiled for all stages at once or stage by stage."""
