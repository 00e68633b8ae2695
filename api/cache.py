"""A small memory of answers that cost seconds: bounded, safe between threads, each answer computed once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The ``size`` answers used last.

    Threads that ask for the same key while it is computed wait for it; an error is handed to its caller and not kept.

    Parameters
    ----------
    size : int
        Number of answers kept, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._answers: OrderedDict[Hashable, T] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The answer kept under ``key``, else what ``compute`` gives."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            turn = self._computing.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._answers:
                    return self._answers[key]
            try:
                answer = compute()
                with self._lock:
                    self._answers[key] = answer
                    while len(self._answers) > self.size:
                        self._answers.popitem(last=False)
            finally:
                with self._lock:
                    if self._computing.get(key) is turn:
                        del self._computing[key]
        return answer
