"""AWS API Gateway: its management API, by AWS's own client, which finds credentials by itself."""

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from learntrac.backends.gateway import ConnectionGone, GatewayDown

CALLS_AT_ONCE = 16
ELSEWHERE = "us-east-1"
"""What a gateway that is not AWS's is signed for."""
LARGEST_MESSAGE_BYTES = 128 * 1024
"""AWS's own limit."""


class AwsGateway:
    """One WebSocket API. The client is a blocking one, so calls are made in threads."""

    name = "aws"

    def __init__(self, url: str) -> None:
        """`url` is the API's own: https://{api}.execute-api.{region}.amazonaws.com/{stage}."""
        named = re.search(r"\.execute-api\.([a-z0-9-]+)\.", url)
        self._client: Any = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=url,
            region_name=named[1] if named else os.environ.get("AWS_DEFAULT_REGION", ELSEWHERE),
            config=Config(
                connect_timeout=3,
                read_timeout=5,
                retries={"max_attempts": 3, "mode": "standard"},
                max_pool_connections=CALLS_AT_ONCE,
            ),
        )
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="gateway")

    async def post(self, connection_id: str, message: bytes) -> None:
        await self._call(lambda: self._client.post_to_connection(ConnectionId=connection_id, Data=message))

    async def close_connection(self, connection_id: str) -> None:
        try:
            await self._call(lambda: self._client.delete_connection(ConnectionId=connection_id))
        except ConnectionGone:
            return

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _call(self, call: Callable[[], object]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode") == 410:
                raise ConnectionGone from error
            raise GatewayDown(str(error)) from error
        except BotoCoreError as error:
            raise GatewayDown(str(error)) from error
