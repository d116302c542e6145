"""One stage as a linear program with its cuts: solving it, and making cuts of what was solved."""
