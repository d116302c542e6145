"""The choices of the algorithm, a file each: parameters and behaviour of one choice stand together.

`headwater.core.choices` says what each kind must have, and `headwater.core.registry` where others
register theirs.
"""
