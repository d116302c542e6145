"""Risk measures, see `headwater.core.choices.RiskMeasure`."""
