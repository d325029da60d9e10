"""A deliverer in a process of its own, to be killed: `python -m tests.webhooks.deliver_process DATABASE_URL`."""

import asyncio
import sys

from learntrac.backends.receivers.addresses import parse_networks
from learntrac.backends.receivers.sending import Receivers
from learntrac.kit.clock import utc_now
from learntrac.kit.db import Database
from learntrac.kit.metrics import Metrics
from learntrac.kit.sealing import Sealer
from learntrac.webhooks.delivering import Deliverer
from learntrac.webhooks.trying import Trier
from tests.conftest import SECRET
from tests.webhooks.receiving import NETWORKS


async def main(url: str) -> None:
    trier = Trier(Receivers(networks=parse_networks(NETWORKS)), clock=utc_now, store=None)
    sealer = Sealer(SECRET.encode(), "webhooks")
    await Deliverer(Database(url), trier, sealer=sealer, clock=utc_now, metrics=Metrics()).run()


asyncio.run(main(sys.argv[1]))
