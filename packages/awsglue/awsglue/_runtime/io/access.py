"""How this process reaches AWS: region, endpoint and keys, for the libraries that are not boto3. Owns the keys."""

from __future__ import annotations

import functools
import os
from typing import Any


def region(default: str = "us-east-1") -> str:
    """The region of the environment."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or default


def s3_endpoint() -> str:
    """Where S3 is; empty for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def keys() -> Any:
    """botocore's ReadOnlyCredentials (access_key, secret_key, token) as they are now; None where there are none."""
    variables = tuple(item for item in os.environ.items() if item[0].startswith("AWS_"))
    found = _given(variables) if os.environ.get("AWS_ACCESS_KEY_ID") else _found()
    return found and found.get_frozen_credentials()


@functools.lru_cache(maxsize=1)
def _given(variables: tuple[tuple[str, str], ...]) -> Any:
    """Variables come before all else: the same ones give the same keys. A session takes longer than a small read."""
    return _found()


def _found() -> Any:
    """Files and services may have others by now, or have some at last."""
    import boto3

    return boto3.Session().get_credentials()
