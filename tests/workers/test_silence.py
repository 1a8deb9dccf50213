"""When a worker has been silent for too long."""

from app.workers.silence import Silence


def test_a_worker_is_silent_after_so_many_beats() -> None:
    silence = Silence(most=3)
    silence.heard()

    assert [silence.beat() for _ in range(3)] == [False, False, True]


def test_a_word_begins_anew() -> None:
    silence = Silence(most=3)

    for _ in range(10):
        silence.heard()
        assert not any(silence.beat() for _ in range(2))


def test_a_worker_that_starts_may_take_its_time() -> None:
    silence = Silence(most=3)

    assert not any(silence.beat() for _ in range(1_000))
