import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.cache import Cache


def test_cache_keeps_the_answers_used_last() -> None:
    cache: Cache[int] = Cache(2)
    computed: list[str] = []

    for key in ("a", "b", "a", "c", "a", "b"):
        cache.get(key, lambda key=key: computed.append(key) or 0)  # type: ignore[misc, func-returns-value]

    assert computed == ["a", "b", "c", "b"]


def test_cache_keeps_what_its_capacity_bears() -> None:
    cache: Cache[str] = Cache(5, weigh=len)
    computed: list[str] = []

    for key in ("aaa", "bb", "aaa", "bb", "ccccccccc", "ccccccccc", "aaa"):
        cache.get(key, lambda key=key: computed.append(key) or key)  # type: ignore[misc, func-returns-value]

    assert computed == ["aaa", "bb", "ccccccccc", "aaa"]


def test_cache_computes_an_answer_once_for_all_threads_that_wait_for_it() -> None:
    cache: Cache[int] = Cache(2)
    computed: list[int] = []
    others_wait = threading.Event()

    def compute() -> int:
        others_wait.wait(0.2)
        computed.append(1)
        return 7

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cache.get("key", compute), range(8)))

    assert answers == [7] * 8
    assert len(computed) == 1


def test_cache_computes_different_answers_at_the_same_time() -> None:
    cache: Cache[str] = Cache(2)
    meeting = threading.Barrier(2, timeout=10)

    def compute(key: str) -> str:
        meeting.wait()  # passes only when both are computed at once
        return key

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda key: cache.get(key, lambda: compute(key)), ["a", "b"]))

    assert answers == ["a", "b"]


def test_cache_does_not_keep_errors() -> None:
    cache: Cache[int] = Cache(2)

    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)

    assert cache.get("key", lambda: 5) == 5
