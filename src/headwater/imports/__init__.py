"""Studies of other programs as case directories."""
