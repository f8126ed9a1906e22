"""The newsurge daemon: scores news, watches series of it, and notifies receivers of surges.

It must never import `training`; commands of the trainer are plugged in through entry points.
"""

__version__ = "0.1.0"
