"""How large a figure of a system can be."""

LARGEST_NUMBER = 1e15
"""Beyond this no figure means anything, in whatever unit or currency, and a solver takes it for no limit."""
