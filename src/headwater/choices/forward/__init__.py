"""Forward passes, see `headwater.core.choices.ForwardPass`."""
