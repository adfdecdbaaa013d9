"""What Lambda knows of a function before it runs it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """One function: `handler` as Lambda writes it (`package.module.name`), `code` the folder its
    zip was unpacked to (None: the current one).
    """

    name: str
    handler: str
    timeout_seconds: float = 3.0
    memory_mb: int = 128
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    code: Path | None = None
    region: str = "us-east-1"
    account: str = "000000000000"

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"

    @property
    def folder(self) -> Path:
        return (self.code or Path.cwd()).absolute()

    def variables(self) -> dict[str, str]:
        """The environment variables the function sees: Lambda's own, then the function's, and of
        this process only what a program needs to start (Lambda Developer Guide, "Defined runtime
        environment variables").
        """
        inherited = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
        return {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LAMBDA_TASK_ROOT": str(self.folder),
            "_HANDLER": self.handler,
            "TZ": ":UTC",
            **self.environment,
        }

    def encode(self) -> bytes:
        """The function as JSON, for another process."""
        return msgspec.json.encode(self, enc_hook=str)

    @classmethod
    def decode(cls, message: bytes) -> "Function":
        return msgspec.json.decode(message, type=cls, dec_hook=_path)


def _path(_type: type, value: Any) -> Any:
    return Path(value)
