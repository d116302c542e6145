"""What parts of a power system and choices of the algorithm are made of and see; it knows none of them."""
