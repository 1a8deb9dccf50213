"""Scrapes ``/metrics`` as Prometheus does."""

from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, ...]
"""The name of a sample, and the values of its labels."""


async def scrape(client: AsyncClient) -> dict[Sample, float]:
    """Every sample of a server."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
