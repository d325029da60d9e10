"""The component's export: `serve` of box.wit."""

import wit_world
from guest import serving


class WitWorld(wit_world.WitWorld):  # type: ignore[misc] # made when the component is built
    """What componentize-py looks for, by this name."""

    def serve(self, message: str) -> str:
        return str(serving.serve(message, wit_world.exchange))
