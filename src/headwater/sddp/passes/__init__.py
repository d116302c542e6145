"""Forward and backward passes over all stages.

They run compiled for all stages at once, or stage by stage.
"""
