"""What parts of a power system and choices of the algorithm are made of and see.

It knows none of them.
"""
