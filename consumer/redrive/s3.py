"""The on-failure bucket in S3. boto3 is the Lambda runtime's own."""

from collections.abc import Iterator
from typing import Any

from consumer.redrive.on_failure import DONE, PREFIX


class S3Bucket:
    """A bucket through a boto3 client. Needs s3:ListBucket, s3:GetObject, s3:GetObjectTagging
    and s3:PutObjectTagging.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def keys(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._name, Prefix=PREFIX):
            yield from (found["Key"] for found in page.get("Contents", ()))

    def done(self, key: str) -> bool:
        try:
            answer = self._client.get_object_tagging(Bucket=self._name, Key=key)
        except self._client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in (
                "NoSuchKey",
                "404",
            ):  # it was done and expired meanwhile
                return True
            raise
        return {"Key": DONE[0], "Value": DONE[1]} in answer["TagSet"]

    def read(self, key: str, most: int) -> bytes:
        answer = self._client.get_object(Bucket=self._name, Key=key)
        body: bytes = answer["Body"].read(most)
        return body

    def tag_done(self, key: str) -> None:
        tags = {"TagSet": [{"Key": DONE[0], "Value": DONE[1]}]}
        self._client.put_object_tagging(Bucket=self._name, Key=key, Tagging=tags)


def connect(name: str) -> S3Bucket:
    """The bucket of that name, with the credentials and the region of the environment."""
    import boto3  # noqa: PLC0415 - slow to import, and only needed with a bucket

    return S3Bucket(boto3.client("s3"), name)
