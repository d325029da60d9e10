"""Reading `/metrics` as Prometheus does."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """One answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.help = {family.name: family.documentation for family in families}
        self._series: Series = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    @property
    def names(self) -> set[str]:
        """The names that a query may use."""
        return {name for name, _ in self._series}

    @property
    def label_names(self) -> set[str]:
        """Every label that some series has."""
        return {label for _, labels in self._series for label, _ in labels}

    def find(self, name: str, **labels: str) -> float | None:
        """The value of the one series of this name with just these labels."""
        return self._series.get((name, frozenset(labels.items())))

    def labels(self, name: str, label: str) -> set[str]:
        """All values of a label."""
        return {dict(labels)[label] for found, labels in self._series if found == name}


async def scrape(client: httpx.AsyncClient) -> Scraped:
    """What `/metrics` says to this machine."""
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    return Scraped(response.text)
