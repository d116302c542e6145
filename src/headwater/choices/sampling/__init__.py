"""Sampling schemes, see `headwater.core.choices.SamplingScheme`."""
