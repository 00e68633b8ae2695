"""How a served process logs: one pipeline for our records and those of libraries, without anybody's data.

JSON lines where a machine collects them, columns where a person watches. Our own records are written without data.
What a library says may quote rows, parameters or addresses: of its records only the place in the code is kept, and of
every exception its class and where it arose.
"""

import logging
import os
import sys
import traceback
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "json", "console"]

#: Loggers whose messages hold no data: ours, and the server's about its own processes.
_TRUSTED = ("forecast", "api", "uvicorn")

#: What a record may carry beside its message.
_FIELDS = ("method", "route", "status", "ms", "role", "caller")


def configure_logging(log_format: LogFormat = "auto", stream: TextIO | None = None) -> None:
    """Send every log record of this process through one handler; safe to repeat.

    Parameters
    ----------
    log_format : {"auto", "json", "console"}
        ``auto`` is ``console`` on a terminal, else ``json``.
    stream : text stream, optional
        Standard error by default.
    """
    stream = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_json, stream.isatty()))
    root = logging.getLogger()
    logging.captureWarnings(True)
    # A library that set up logging before may have silenced loggers, or sent their data to a handler of its own.
    for logger in [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]:
        logger.handlers, logger.propagate, logger.disabled = [], True, False
        logger.setLevel(logging.NOTSET)
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("forecast", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # else it adds a handler of its own


def _formatter(as_json: bool, colors: bool) -> logging.Formatter:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _without_data,
        structlog.stdlib.ExtraAdder(allow=_FIELDS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=colors, sort_keys=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _without_data(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Keep what a trusted logger says, of others where they said it; of an exception class and place."""
    record: logging.LogRecord = event["_record"]
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        event["event"] = f"{type(error).__name__} at {place_of(error)}"
    elif record.name.split(".")[0] not in _TRUSTED:
        event["event"] = f"message withheld, from {record.pathname}:{record.lineno}"
    return {name: value for name, value in event.items() if name not in ("exc_info", "stack_info")}


def place_of(error: BaseException) -> str:
    """The innermost calls where an error arose: files, lines and functions, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
