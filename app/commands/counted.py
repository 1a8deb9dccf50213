"""Numbers of things, in words."""


def counted(number: int, thing: str) -> str:
    """``1 room``, ``1,234 rooms``: of a thing whose plural has an s."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
