"""Methods of cut selection, see `headwater.core.choices.SelectionMethod`."""
