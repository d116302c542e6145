"""Stopping rules, see `headwater.core.choices.StoppingRule`."""
