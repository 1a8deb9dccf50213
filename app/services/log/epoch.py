"""The name of this history: clients drop what they remember when it changes."""


class Epoch:
    """The present name. Read and changed in the event loop."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
