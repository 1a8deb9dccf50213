"""``python -m parley``, or ``python -m app`` in a checkout, is the ``parley`` command."""

from .cli import main

if __name__ == "__main__":
    main()
