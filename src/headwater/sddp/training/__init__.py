"""Iterations until a rule ends them, what they start from and what is kept of them; compiling the engine before."""
