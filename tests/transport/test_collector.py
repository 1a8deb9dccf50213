"""What is dead goes, however few objects it is."""

import gc
import weakref

from app.transport.collector import GrowthWatch, resident_bytes


class Cycle:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_growth_frees_what_is_dead() -> None:
    sizes = iter((100, 100 + 50, 100 + 51, 120, 120 + 50))
    watch = GrowthWatch(50, lambda: next(sizes))
    dead = weakref.ref(Cycle())
    gc.disable()
    try:
        assert not watch.look()
        assert dead() is not None
        assert watch.look()
        assert dead() is None
        # From where it has come down to.
        assert not watch.look()
    finally:
        gc.enable()


def test_growth_counts_from_the_smallest_size_since() -> None:
    sizes = iter((100, 40, 91, 91))
    watch = GrowthWatch(50, lambda: next(sizes))

    assert not watch.look()
    assert watch.look()


def test_the_size_of_this_process_is_known() -> None:
    assert 1 << 20 < resident_bytes() < 1 << 40
