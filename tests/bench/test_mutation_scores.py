"""What a sample of mutants says."""

from pathlib import Path

import pytest

from bench.mutation_scores import Score, Survivor, print_survivors


def test_a_small_sample_says_little() -> None:
    low, high = Score("app/live/hub.py", "mirror", 50, 45).interval()
    closer_low, closer_high = Score("app/live/hub.py", "mirror", 500, 450).interval()

    assert low == pytest.approx(0.786, abs=0.001)
    assert high == pytest.approx(0.957, abs=0.001)
    assert low < closer_low < 0.9 < closer_high < high


def test_a_survivor_is_shown_once_with_the_tests_that_missed_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    diff = (
        "# app.live.hub.x_f: survived\n--- app/live/hub.py\n+++ app/live/hub.py\n-a < b\n+a <= b\n"
    )

    print_survivors([Survivor("app.live.hub.x_f", tests, diff) for tests in ("mirror", "default")])

    shown = capsys.readouterr().out
    assert shown.count("+a <= b") == 1
    assert "app.live.hub.x_f: survives mirror and default" in shown


def test_a_mutant_at_which_tests_hang_is_noticed() -> None:
    statuses = {"a": "killed", "b": "timeout", "c": "survived", "d": "no tests", "e": "survived"}

    score = Score.of(Path("app/live/hub.py"), "mirror", ["a", "b", "c", "d"], statuses)

    assert score == Score("app/live/hub.py", "mirror", tried=4, killed=2)


def test_a_mutant_that_was_not_tried_is_no_result() -> None:
    with pytest.raises(SystemExit, match="hub.py: mutmut answers not checked"):
        Score.of(Path("app/live/hub.py"), "mirror", ["a"], {"a": "not checked"})
