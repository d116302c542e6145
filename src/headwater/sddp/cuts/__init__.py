"""The cuts of a stage and what is made of them: pools, policies, selection, boundaries."""
