"""Cases that went wrong somewhere: changed at random, validated, trained for a few
iterations and simulated.

`systems` gives the cases that are changed, `drawing` the changes, `steps` makes them, `verdicts`
judges what comes of it, and `campaign` tries any number of them in processes of their own.
"""
