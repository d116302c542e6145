"""The newer dialect of the case format, that of Cobre 0.18: read and written.

What it says is rewritten in the spelling of this project before anything else looks at it, so that
schemas, rules and models know one format. What has no counterpart is refused by name (HW730), or,
where it changes no result, left out and said (HW731).
"""
