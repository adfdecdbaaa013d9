"""What is lent while something imports is taken back; what was put off happens when asked for."""

import subprocess
import sys

import pytest

PROOFS = {
    "modules lent are the real ones afterwards": """
        import inspect, typing_extensions, asyncio, ctypes, sysconfig
        assert str(inspect.signature(lambda one, two: 0)) == "(one, two)"
        assert typing_extensions.Sentinel and asyncio.run and ctypes.CDLL
        assert sysconfig.get_config_var("py_version_short")
    """,
    "whoever kept the light inspect has the real one": """
        import dataclasses
        @dataclasses.dataclass
        class Later:
            one: int
        assert Later.__doc__ == "Later(one: int)"
        assert Later(1) == Later(1)
    """,
    "expressions are compiled as soon as again": """
        import re
        assert isinstance(re.compile("a"), re.Pattern)
    """,
    "psycopg's expressions match": """
        from psycopg.types.datetime import TimestamptzLoader, IntervalLoader
        assert TimestamptzLoader._re_format.match(b"2026-11-27 10:00:00.5+01")
        assert IntervalLoader._re_interval.match(b"1 year 2 days")
        from psycopg._queries import _query2pg_nocache
        assert _query2pg_nocache(b"select %s, %b", "utf-8")[0] == b"select $1, $2"
    """,
    "an abstract class does not compile its expressions": """
        import abc, re
        from login import standing_in
        compiled, compile_ = [], standing_in._compile
        standing_in._compile = lambda *given: compiled.append(given) or compile_(*given)
        with standing_in.lending(__name__, []):
            class Loader(abc.ABC):
                expression = re.compile("a+")
        assert compiled == []
        assert Loader.expression.match("aa") and Loader.expression.match("a")
        assert compiled == [("a+", 0)]
    """,
    "what msgspec has besides can be had by importing it": """
        import msgspec.inspect
        assert msgspec.inspect.type_info(int) == msgspec.inspect.IntType()
        import msgspec.toml, msgspec.yaml
        assert msgspec.toml.decode(b"a = 1") == {"a": 1}
    """,
    "time zones are found": """
        import zoneinfo
        assert zoneinfo.TZPATH and all(place.endswith("zoneinfo") for place in zoneinfo.TZPATH)
    """,
    "what is absent says so": """
        from aws_lambda_powertools import Logger
        logger = Logger(service="any")
        @logger.inject_lambda_context(correlation_id_path="id")
        def handle(event, context):
            return event
        class Context:
            function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "any"
        try:
            handle({"id": 1}, Context())
        except RuntimeError as error:
            assert "jmespath_utils is not there" in str(error), error
        else:
            raise AssertionError("nothing was raised")
    """,
    "its queries can be had by importing them": """
        from aws_lambda_powertools.utilities import jmespath_utils
        assert jmespath_utils.query(data={"a": {"b": 1}}, envelope="a.b") == 1
    """,
    "protobuf is as it was": """
        from consumer.imports import import_protobuf
        import_protobuf()
        import sys
        assert "google.protobuf.internal.python_message" not in sys.modules
        from google.protobuf import text_format
        from google.protobuf.timestamp_pb2 import Timestamp
        stamp = Timestamp()
        stamp.FromJsonString("2026-11-27T10:00:00Z")
        assert text_format.Parse(str(stamp), Timestamp()) == stamp
        assert Timestamp.FromString(stamp.SerializeToString()).ToJsonString().startswith("2026")
    """,
    "protobuf in Python is left alone": """
        import os
        os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
        from consumer.deaggregate import deaggregate
        from contract import kpl
        from contract.kpl_message import AggregatedRecord
        made = AggregatedRecord(partition_key_table=["a"])
        made.records.add(partition_key_index=0, data=b"1")
        message = made.SerializeToString()
        assert deaggregate(kpl.MAGIC + message + kpl.checksum(message)) == [("a", b"1")]
    """,
    "formatters know their arguments": """
        from aws_lambda_powertools.logging.formatter import RESERVED_FORMATTER_CUSTOM_KEYS
        assert "json_serializer" in RESERVED_FORMATTER_CUSTOM_KEYS
        assert "self" not in RESERVED_FORMATTER_CUSTOM_KEYS
    """,
}


def run(code: str) -> None:
    """In an interpreter of its own: this one has imported everything long ago."""
    lines = [line[8:] if line.startswith(" " * 8) else line for line in code.splitlines()]
    done = subprocess.run(
        [sys.executable, "-c", "import consumer\n" + "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("proof", PROOFS)
def test_in_a_new_interpreter(proof):
    run(PROOFS[proof])


def test_nothing_light_is_left_behind():
    run("""
        import sys
        from login.standing_in import Absent, Inspect
        left = [name for name, m in sys.modules.items() if isinstance(m, (Absent, Inspect))]
        assert not left, left
        assert "jmespath" not in sys.modules
    """)


def test_what_was_imported_before_is_left_as_it_is():
    run("""
        import inspect
        import login.standing_in as standing_in
        with standing_in.lending("any", [standing_in.Inspect()]):
            import inspect as lent
        assert lent is inspect
    """)
