"""Medians and ratios, and the treatment of void runs."""

import json

from bench import report
from bench.report import Run
from bench.scenarios import SCENARIOS

ROOM = next(scenario for scenario in SCENARIOS if scenario.name == "room-100")


def run(server, rate, faults=()):
    figures = {figure.name: rate for figure in ROOM.figures}
    return Run(ROOM.name, server, 0, list(faults), figures, {})


def test_the_median_is_of_valid_runs():
    runs = [run("parley", 10), run("parley", 30), run("parley", 9_999, ["One is missing."])]

    assert report.medians(runs, ROOM)["parley"]["messages/s"] == 20


def test_a_server_with_only_void_runs_has_no_figure(capsys):
    report.print_scenario([run("parley", 10, ["One is missing."])], ROOM)

    assert "void: One is missing." in capsys.readouterr().out


def test_each_server_is_compared_with_parley(capsys):
    report.print_scenario([run("parley", 300), run("other", 100)], ROOM)

    assert "3.00 times as good" in capsys.readouterr().out


def test_all_results_are_written(tmp_path):
    path = tmp_path / "results" / "latest.json"

    report.save(path, {"cores": 2}, [run("parley", 10)], SCENARIOS)

    written = json.loads(path.read_text())
    assert [each["scenario"] for each in written["summary"]] == ["room-100"]
    assert written["runs"][0]["figures"]["messages/s"] == 10
