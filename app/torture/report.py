"""The verdict of a run, as text and as JSON."""

from dataclasses import dataclass
from typing import Any

from .findings import Promise
from .history import History

# Counts shown in the text; the JSON has all of them.
_SHOWN = (
    "messages sent",
    "acknowledged",
    "retried",
    "duplicates answered",
    "connections",
    "kills",
    "events received",
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run did, and what it found."""

    seed: int
    seconds: float
    nodes: int
    clients: int
    users: int
    rooms: int
    events: int
    """Total length of the logs at the end."""
    history: History

    @property
    def good(self) -> bool:
        """Whether every promise was kept, and at least one request was acknowledged."""
        return not self.history.findings and self.history.counts["acknowledged"] > 0

    def lines(self) -> list[str]:
        """The report as lines of text. The last line is the verdict."""
        counts, findings = self.history.counts, self.history.findings
        done = ", ".join(f"{counts[name]:,} {name}" for name in _SHOWN)
        by_promise = ", ".join(f"{findings.counts[p]:,} {p.short}" for p in Promise)
        lines = [
            f"{done}, {self.events:,} events in the logs; {self.seconds:.0f} s, seed {self.seed}.",
            *(
                f"{f.promise.short}: {f.room + ': ' if f.room else ''}{f.what}."
                for f in findings.first
            ),
            f"{by_promise}.",
        ]
        if self.good:
            lines.append("Every promise was kept.")
        elif findings:
            broken = "; ".join(p.text for p in Promise if findings.counts[p])
            lines.append(f"NOT KEPT: {broken}.")
        else:
            lines.append("INCONCLUSIVE: no request was acknowledged.")
        return lines

    def as_json(self) -> dict[str, Any]:
        """The report as JSON. Keys of promises are the names of :class:`Promise` in lower case."""
        findings = self.history.findings
        return {
            "good": self.good,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "nodes": self.nodes,
            "clients": self.clients,
            "users": self.users,
            "rooms": self.rooms,
            "events": self.events,
            "counts": dict(sorted(self.history.counts.items())),
            "broken": {p.name.lower(): findings.counts[p] for p in Promise},
            "findings": [
                {"promise": f.promise.name.lower(), "room": f.room, "what": f.what}
                for f in findings.first
            ],
        }
