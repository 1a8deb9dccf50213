"""The metrics of accounts: log-ins, and those that were refused because of too many failures."""

from ...observability.metrics import Counter, Families
from .parts import AccountParts

LOGINS = Counter("parley_logins_total", "Log-ins with a password, by result.", ("result",))
REGISTRATIONS_REFUSED = Counter(
    "parley_registrations_limited_total", "Registrations over the limit of their address."
)


def collect(accounts: AccountParts) -> Families:
    """Read the metrics. Called in the event loop."""
    logins, throttle = accounts.logins, accounts.throttle
    yield LOGINS.samples(
        {
            ("succeeded",): logins.succeeded,
            ("failed",): logins.failed,
            ("limited",): throttle.refused_logins,
        }
    )
    yield REGISTRATIONS_REFUSED.samples(throttle.refused_registrations)
