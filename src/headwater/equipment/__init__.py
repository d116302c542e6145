"""The kinds of equipment that a system is made of, one module for each.

A module adds its kind to `headwater.core.registry.EQUIPMENT`, where everything else asks for it.
"""
