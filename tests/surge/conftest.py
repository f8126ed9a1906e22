"""Hypothesis without deadlines: the machine's load is no property of the code."""

from hypothesis import settings

settings.register_profile("newsurge", deadline=None)
settings.load_profile("newsurge")
