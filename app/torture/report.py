"""The verdict of a run, for a person and as JSON."""

from dataclasses import dataclass
from typing import Any

from app.torture.findings import Promise
from app.torture.history import History

# Of all that is counted, what a person wants to see; the rest is in the JSON.
_SHOWN = (
    "messages sent",
    "acknowledged",
    "retried",
    "duplicates answered",
    "connections",
    "kills",
    "events heard",
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run did, and what it found."""

    seed: int
    seconds: float
    clients: int
    users: int
    rooms: int
    events: int
    """In the logs, in the end."""
    history: History

    @property
    def good(self) -> bool:
        """Whether every promise was kept, and there was something to keep."""
        return not self.history.findings and self.history.counts["acknowledged"] > 0

    def lines(self) -> list[str]:
        """For a person. The last one is the verdict."""
        counts, findings = self.history.counts, self.history.findings
        done = ", ".join(f"{counts[name]:,} {name}" for name in _SHOWN)
        broken = ", ".join(f"{findings.counts[promise]:,} {promise.short}" for promise in Promise)
        lines = [
            f"{done}, {self.events:,} events in the logs; {self.seconds:.0f} s, seed {self.seed}.",
            *(
                f"{f.promise.short}: {f.room + ': ' if f.room else ''}{f.what}."
                for f in findings.first
            ),
            f"{broken}.",
        ]
        if self.good:
            lines.append("Every promise was kept.")
        elif findings:
            broken_ones = "; ".join(p.text for p in Promise if findings.counts[p])
            lines.append(f"NOT KEPT: {broken_ones}.")
        else:
            lines.append("NOTHING SHOWN: nothing was acknowledged.")
        return lines

    def as_json(self) -> dict[str, Any]:
        """For a program. Names of promises are those of :class:`Promise`, in lower case."""
        findings = self.history.findings
        return {
            "good": self.good,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
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
