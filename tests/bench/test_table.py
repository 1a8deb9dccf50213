"""The Markdown table of a benchmark's results."""

from bench import table

SAVED = {
    "summary": [
        {
            "scenario": "room-100",
            "figures": {"messages/s": "/s", "p99": "ms"},
            "medians": {
                "parley": {"messages/s": 20_000.0, "p99": 5.0},
                "other": {"messages/s": 500.0, "p99": 10.0},
                "void": {},
            },
        }
    ]
}


def test_each_server_has_a_column_that_says_how_much_better_the_first_is():
    assert list(table.lines(SAVED)) == [
        "| | parley | other | void |",
        "|---|---|---|---|",
        "| `room-100`: messages/s | 20,000 | 500 (40×) | – |",
        "| `room-100`: p99, ms | 5.00 | 10.0 (2×) | – |",
    ]


def test_the_first_column_can_be_chosen():
    *_, rate, delay = table.lines(SAVED, base="other")

    assert rate == "| `room-100`: messages/s | 500 | 20,000 (0.025×) | – |"
    assert delay == "| `room-100`: p99, ms | 10.0 | 5.00 (0.5×) | – |"
