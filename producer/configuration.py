"""The Lambda function's settings: environment variables, read once, into one frozen value.

| variable | default | |
|---|---|---|
| `STREAM_NAME` | required | name or ARN of the stream |
| `PRODUCER_MODE` | order | `order` or `bucket`: what the partition key is (`contract.keys`) |
| `PRODUCER_CONNECT_TIMEOUT` | 1 | seconds to connect to Kinesis, one attempt |
| `PRODUCER_READ_TIMEOUT` | 3 | seconds to wait for Kinesis's answer, one attempt |
| `PRODUCER_ANSWER_MARGIN` | 0.5 | seconds kept back to write the answer |
| `PRODUCER_MAX_BODY_BYTES` | 4000000 | larger request bodies are refused with 413 |
| `PRODUCER_GUARDS` | on | `off` where the endpoint does not know the calls of `producer.guards` |

boto3 reads its own (`AWS_REGION`, `AWS_ENDPOINT_URL_KINESIS` …).
"""

from collections.abc import Collection, Mapping

import msgspec

from contract import KeyStrategy
from contract.keys import STRATEGIES, OrderKeys
from producer.errors import InvalidSetting
from producer.settings import ProducerSettings


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployed producer function knows."""

    stream: str
    strategy: KeyStrategy
    answer_margin: float
    max_body_bytes: int
    """Lambda takes 6 MB per invocation, Base64 and envelope included (Lambda quotas)."""
    producer: ProducerSettings

    @property
    def attempt_seconds(self) -> float:
        """How long one attempt may take that begins at the last moment."""
        return self.producer.connect_timeout + self.producer.read_timeout


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """The function's settings; raises `InvalidSetting` naming the variable."""
    stream = environment.get("STREAM_NAME", "")
    if not stream:
        raise InvalidSetting("STREAM_NAME: is not set; it names the Kinesis stream to write to")
    return Configuration(
        stream=stream,
        strategy=STRATEGIES[_choice(environment, "PRODUCER_MODE", OrderKeys.mode, STRATEGIES)](),
        answer_margin=_number(environment, "PRODUCER_ANSWER_MARGIN", 0.5),
        max_body_bytes=int(_number(environment, "PRODUCER_MAX_BODY_BYTES", 4_000_000)),
        producer=ProducerSettings(
            connect_timeout=_number(environment, "PRODUCER_CONNECT_TIMEOUT", 1.0),
            read_timeout=_number(environment, "PRODUCER_READ_TIMEOUT", 3.0),
            guards=_choice(environment, "PRODUCER_GUARDS", "on", ("on", "off")) == "on",
            max_requests_in_flight=1,
        ),
    )


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InvalidSetting(f"{name}: is {text!r}, has to be a number greater than zero")
    return value


def _choice(
    environment: Mapping[str, str], name: str, default: str, allowed: Collection[str]
) -> str:
    text = environment.get(name) or default
    if text not in allowed:
        raise InvalidSetting(f"{name}: is {text!r}, has to be {' or '.join(map(repr, allowed))}")
    return text
