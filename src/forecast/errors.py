"""What can go wrong, as a small tree. The command line turns any of these into one line and exit code 2."""


class ForecastError(Exception):
    """Base of every error that this package raises on purpose. The message names the rule, what came, what to do."""


class InvalidInput(ForecastError):
    """Input from outside breaks a rule: a file, a mapping, an argument, a request body."""


class UnknownModel(ForecastError):
    """No model of that name, version or alias."""


class UnknownEntity(ForecastError):
    """No such lead, opportunity, series or owner at that moment."""


class NotEnoughHistory(ForecastError):
    """The data known at that moment cannot support what was asked for."""


class NotScored(ForecastError):
    """There is so much to score that it is done by command, and it was not done yet."""


class DataUnavailable(ForecastError):
    """Something that must be reachable is not: a database, a tracking server, a held lease."""


class LeakageDetected(ForecastError):
    """A feature changed when the future was changed."""


class NotAllowed(ForecastError):
    """The caller's role does not permit this."""
