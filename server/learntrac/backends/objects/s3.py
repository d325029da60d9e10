"""S3 and what speaks its protocol, by AWS's own client, which finds credentials by itself."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from learntrac.backends.objects import ObjectsDown

CALLS_AT_ONCE = 8
ELSEWHERE = "us-east-1"
"""What a storage that is not AWS's is signed for."""

_T = TypeVar("_T")


class S3Storage:
    """One bucket. The client is a blocking one, so calls are made in threads."""

    name = "s3"

    def __init__(self, bucket: str, *, endpoint_url: str | None = None) -> None:
        """`endpoint_url` is set for a storage that is not AWS's."""
        self._bucket = bucket
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=os.environ.get("AWS_DEFAULT_REGION", ELSEWHERE) if endpoint_url else None,
            config=Config(
                connect_timeout=3,
                read_timeout=10,
                retries={"max_attempts": 3, "mode": "standard"},
                signature_version="s3v4",
                max_pool_connections=CALLS_AT_ONCE,
                # Not every storage knows subdomains; all know paths.
                s3={"addressing_style": "path" if endpoint_url else "auto"},
            ),
        )
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="objects")

    async def put(self, name: str, content: bytes, *, content_type: str) -> None:
        await self._call(
            lambda: self._client.put_object(Bucket=self._bucket, Key=name, Body=content, ContentType=content_type)
        )

    async def url(self, name: str, *, seconds: int) -> str:
        asked = {"Bucket": self._bucket, "Key": name}
        address: str = self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)
        return address

    async def delete(self, name: str) -> None:
        await self._call(lambda: self._client.delete_object(Bucket=self._bucket, Key=name))

    async def ping(self) -> None:
        await self._call(lambda: self._client.head_bucket(Bucket=self._bucket))

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _call(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (ClientError, BotoCoreError) as error:
            raise ObjectsDown(str(error)) from error
