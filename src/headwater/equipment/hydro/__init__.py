"""Hydro plants: reservoirs in a cascade, inflow, production, and what limits them."""
