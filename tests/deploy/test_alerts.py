"""The alert rules, by Prometheus's own tool: for each a history in which it fires, and one not."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.files import DEPLOY, read_yaml

RULES = DEPLOY / "prometheus/alerts.yml"
pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)

MINUTES = 40
_STEPS = 2 * MINUTES
MIB = 1024 * 1024


class Case(NamedTuple):
    """What Prometheus has scraped every 30 s, each a value or what a counter grows by."""

    fires: Mapping[str, float | str]
    silent: Mapping[str, float | str]


def grows(by: int) -> str:
    """A counter that grows by so much in 30 s."""
    return f"0+{by}x{_STEPS}"


def slow(metric: str, seconds: float, share: int) -> dict[str, float | str]:
    """A histogram of 100 values in 30 s, of which a share, in per cent, took longer than that."""
    return {
        f'{metric}_bucket{{instance="a",le="{seconds}"}}': grows(100 - share),
        f'{metric}_bucket{{instance="a",le="{2 * seconds}"}}': grows(100),
        f'{metric}_bucket{{instance="a",le="+Inf"}}': grows(100),
    }


def gauge(series: str, fires: float, silent: float) -> Case:
    return Case({series: fires}, {series: silent})


_REQUESTS = "parley_http_requests_total"
_FDS = ('parley_process_open_fds{instance="a"}', 'parley_process_max_fds{instance="a"}')
CASES = {
    "ParleyDown": gauge('up{job="parley",instance="a"}', 0, 1),
    "ParleyCommitsFail": gauge('parley_commit_failures_in_a_row{instance="a"}', 3, 2),
    "ParleyDatabaseFault": gauge('parley_database_fault{instance="a"}', 1, 0),
    "ParleyQueueFills": gauge('parley_queued_appends{instance="a"}', 5_001, 5_000),
    "ParleyCommitsSlow": Case(
        slow("parley_commit_seconds", 0.5, share=2), slow("parley_commit_seconds", 0.5, share=1)
    ),
    "ParleyEventLoopLags": Case(
        slow("parley_event_loop_lag_seconds", 0.25, share=11),
        slow("parley_event_loop_lag_seconds", 0.25, share=10),
    ),
    "ParleyFanoutLags": Case(
        slow("parley_fanout_lag_seconds", 0.5, share=2),
        slow("parley_fanout_lag_seconds", 0.5, share=1),
    ),
    "ParleyWorkerDown": gauge('parley_worker_up{instance="a",worker="2"}', 0, 1),
    "ParleyBrokerDeaf": gauge('parley_broker_state{instance="a",state="ok"}', 0, 1),
    "ParleyBrokerSlow": gauge('parley_broker_lag_seconds{instance="a"}', 1.1, 1),
    "ParleySlowConsumers": Case(
        {"parley_slow_consumers_total": grows(4), "parley_connections_opened_total": grows(30)},
        {"parley_slow_consumers_total": grows(3), "parley_connections_opened_total": grows(30)},
    ),
    "ParleyFailedLogins": Case(
        {
            'parley_logins_total{result="failed"}': grows(20),
            'parley_logins_total{result="limited"}': grows(20),
        },
        {
            'parley_logins_total{result="failed"}': grows(30),
            'parley_logins_total{result="succeeded"}': grows(300),
        },
    ),
    "ParleyHttpErrors": Case(
        {
            f'{_REQUESTS}{{route="/rooms",status="503"}}': grows(6),
            f'{_REQUESTS}{{route="/rooms",status="200"}}': grows(94),
        },
        {
            f'{_REQUESTS}{{route="/rooms",status="500"}}': grows(5),
            f'{_REQUESTS}{{route="/rooms",status="200"}}': grows(95),
            # Says that a node is not ready, as it should.
            f'{_REQUESTS}{{route="/ready",status="503"}}': grows(50),
        },
    ),
    "ParleyTransactionsWait": gauge('parley_database_waiting_transactions{pool="read"}', 11, 10),
    "ParleyWalGrows": gauge("parley_sqlite_wal_bytes", 256 * MIB + 1, 256 * MIB),
    "ParleyFilesRunOut": Case({_FDS[0]: 91, _FDS[1]: 100}, {_FDS[0]: 90, _FDS[1]: 100}),
}


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts_after(
    folder: Path, alert: str, scraped: Mapping[str, float | str], expected: Mapping[int, int]
) -> None:
    """Let promtool check how many of an alert are firing at each minute of a history."""
    history = [
        {"series": series, "values": value if isinstance(value, str) else f"{value}x{_STEPS}"}
        for series, value in scraped.items()
    ]
    samples = {
        minute: [{"labels": "{}", "value": count}] if count else []
        for minute, count in expected.items()
    }
    found = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": history,
                "promql_expr_test": [
                    {"expr": found, "eval_time": f"{minute}m", "exp_samples": sample}
                    for minute, sample in samples.items()
                ],
            }
        ],
    }
    file = folder / "test.yml"
    # JSON is YAML.
    file.write_text(json.dumps(test))
    promtool("test", "rules", str(file))


def test_prometheus_reads_the_rules() -> None:
    promtool("check", "rules", "--lint-fatal", str(RULES))


def test_each_alert_has_a_case() -> None:
    (group,) = read_yaml("prometheus/alerts.yml")["groups"]

    assert [rule["alert"] for rule in group["rules"]] == list(CASES)


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_not_at_once(alert: str, tmp_path: Path) -> None:
    alerts_after(tmp_path, alert, CASES[alert].fires, {0: 0, MINUTES: 1})


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_is_silent_at_its_limit(alert: str, tmp_path: Path) -> None:
    alerts_after(tmp_path, alert, CASES[alert].silent, {0: 0, MINUTES: 0})
