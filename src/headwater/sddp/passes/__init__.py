"""Forward and backward passes over all stages.

Compiled for all stages at once, or stage by stage.
"""
