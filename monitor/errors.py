"""The errors a user is meant to read.

A message is one line that says what is wrong, where, and how to mend it. The command line
prints it without a traceback and exits with the class's `exit_code`. Anything else that is
raised is a defect in newsurge and keeps its traceback.
"""


class NewsurgeError(Exception):
    """Something the user can mend; the message says how."""

    exit_code = 1


class SettingsError(NewsurgeError):
    """A flag, environment variable or settings file that can't be used."""

    exit_code = 2


class RulesError(NewsurgeError):
    """An `alerts.yaml` that can't be used; the message lists every fault found in it."""

    exit_code = 2


class BundleError(NewsurgeError):
    """A model bundle that is missing, damaged, or of another schema."""


class StreamError(NewsurgeError):
    """A broker that can't be reached, or a stream that is not as it should be."""


class BrokerAwayError(StreamError):
    """A broker that does not answer just now; a role that runs already waits for it."""


class FeedError(NewsurgeError):
    """A file of news or labels that can't be read as such."""


class PriorError(NewsurgeError):
    """A prior file that can't be used, or a history that none can be fitted on."""
