"""A small memory of answers that cost seconds: bounded, safe between threads, each answer computed once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The answers used last, as many as weigh no more than ``capacity`` together; the last one whatever it weighs.

    Threads that ask for the same key while it is computed wait for it; an error is handed to its caller and not kept.

    Parameters
    ----------
    capacity : int
        At least 1.
    weigh : callable, optional
        From an answer to its weight; 1 each by default.
    """

    def __init__(self, capacity: int, *, weigh: Callable[[T], int] = lambda answer: 1) -> None:
        self.capacity = capacity
        self._weigh = weigh
        self._weight = 0
        self._answers: OrderedDict[Hashable, T] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def weight(self) -> int:
        """What the kept answers weigh together."""
        return self._weight

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
                self._keep(key, answer)
            finally:
                with self._lock:
                    if self._computing.get(key) is turn:
                        del self._computing[key]
        return answer

    def _keep(self, key: Hashable, answer: T) -> None:
        with self._lock:
            self._answers[key] = answer
            self._weight += self._weigh(answer)
            while self._weight > self.capacity and len(self._answers) > 1:
                _, oldest = self._answers.popitem(last=False)
                self._weight -= self._weigh(oldest)
