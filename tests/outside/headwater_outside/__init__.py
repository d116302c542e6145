"""A package that knows Headwater, which does not know it."""
