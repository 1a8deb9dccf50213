"""The epoch of the history: clients discard their state when it changes."""


class Epoch:
    """
    The present epoch. Read and changed in the event loop.

    Of several nodes, one writes a new epoch; the poller of each other one finds it.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
