"""Iterations until a rule ends them, what they start from and what is kept of them.

Compiling the engine before the first of them belongs here too.
"""
