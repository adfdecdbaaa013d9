"""Alarms and dashboard go by metrics that exist: ours as the functions print them, AWS's as its
documentation has them; and say what a person needs.
"""

import json
import re
from pathlib import Path

import pytest

from contract.metrics import NAMESPACE, Metric
from local.mapping.intrinsics import load
from tests.observing.aws_metrics import DOCUMENTED, OF_MAPPING
from tests.observing.dashboards import check_body, rows
from tests.observing.printed import Series, series
from tests.observing.stack import (
    EVERYTHING,
    FILE,
    LEAST,
    STACK,
    TEMPLATE,
    alarms,
    made_of,
    names_in,
    series_of,
)

RUNBOOK = (Path(__file__).parents[3] / "docs/runbook.md").read_text()
RARE = {Metric.EVENTS_UNKNOWN}
COUNTED = {Metric.AUDIT_ROWS, Metric.LEDGER_ROWS_PRUNED}


def composites(given=EVERYTHING):
    made = made_of(given).items()
    return {n: m["Properties"] for n, m in made if m["Type"] == "AWS::CloudWatch::CompositeAlarm"}


def body(given=EVERYTHING):
    return check_body(made_of(given)["Dashboard"]["Properties"]["DashboardBody"])


def drawn(given=EVERYTHING):
    for widget in body(given)["widgets"]:
        if widget["type"] == "metric":
            for one, options in rows(widget["properties"]):
                if one is not None:
                    yield one, options.get("stat", widget["properties"]["stat"])


def watched(given=EVERYTHING):
    for alarm in alarms(given).values():
        yield from series_of(alarm)


@pytest.mark.parametrize("given", [EVERYTHING, LEAST], ids=["everything", "least"])
class TestWhatExists:
    def test_metrics_of_aws_are_documented(self, given):
        for one, _ in [*watched(given), *drawn(given)]:
            if one.namespace != NAMESPACE:
                dimensions, _ = DOCUMENTED[one.namespace, one.name]
                assert {name for name, _ in one.dimensions} == dimensions, one

    def test_nothing_is_asked_of_what_is_not_there(self, given):
        for one, _ in [*watched(given), *drawn(given)]:
            assert all(value for _, value in one.dimensions), one
        assert '""' not in "".join(alarm["AlarmRule"] for alarm in composites(given).values())

    def test_a_composite_names_alarms_there_are(self, given):
        there = {f"{STACK}-{name}" for name in alarms(given)}
        for alarm in composites(given).values():
            named = re.findall(r'ALARM\("([^"]+)"\)', alarm["AlarmRule"])
            assert set(named) <= there
            assert " OR ".join(f'ALARM("{name}")' for name in named) == alarm["AlarmRule"]

    def test_the_body_shows_every_alarm(self, given):
        (widget,) = (w for w in body(given)["widgets"] if w["type"] == "alarm")
        there = [*composites(given), *alarms(given)]
        assert widget["properties"]["alarms"] == [f"{name}.Arn" for name in there]


def test_our_metrics_are_printed_with_these_dimensions(metric_lines):
    found = {one for line in metric_lines for one, _ in series(line)}
    asked = {one for one, _ in [*watched(), *drawn()] if one.namespace == NAMESPACE}
    assert len(asked) > 25
    rare = {one for one in asked if one.name in map(str, RARE)}
    assert asked - rare <= found, asked - rare - found


def test_every_metric_of_ours_that_says_something_is_drawn_or_watched():
    used = {one.name for one, _ in [*watched(), *drawn()] if one.namespace == NAMESPACE}
    left = {str(m) for m in Metric} - used
    assert left == {"DatabaseMilliseconds", "EventsStray", "OrdersUnparked", "RowMicroseconds"}


class TestAlarms:
    @pytest.mark.parametrize("name", list(alarms()))
    def test_it_says_what_to_do_and_where_that_is_written(self, name):
        said = alarms()[name]["AlarmDescription"]
        assert len(said) > 60
        assert len(said) <= 1_024, "CloudWatch takes no more (API Reference, PutMetricAlarm)"
        assert said.endswith(f"See {name} in docs/runbook.md.")
        assert re.search(rf"^### (\w+, )*{name}\b", RUNBOOK, re.MULTILINE), "no such section"

    def test_every_one_speaks(self):
        for name, alarm in alarms().items():
            assert alarm["AlarmActions"] == ["AlarmTopic"], name
            assert "ActionsEnabled" not in alarm
        for name, alarm in composites().items():
            assert alarm["AlarmActions"] == alarm["OKActions"] == ["PageTopic"], name
            assert f"See {name} in docs/runbook.md." in alarm["AlarmDescription"]
            assert re.search(rf"^### (\w+, )*{name}\b", RUNBOOK, re.MULTILINE)

    def test_units_are_what_thresholds_are_in(self):
        """Milliseconds and microseconds are made seconds, minutes and milliseconds by name."""
        scaled = {
            "LagLong": ("Milliseconds", "age / 1000", "seconds"),
            "BorrowSlow": ("Microseconds", "latency / 1000", "milliseconds"),
            "OldestParked": ("Seconds", "waiting / 60", "minutes"),
            "OldestGap": ("Seconds", "waiting / 60", "minutes"),
        }
        for name, (unit, expression, label) in scaled.items():
            alarm = alarms()[name]
            ((one, _),) = series_of(alarm)
            known = DOCUMENTED.get((one.namespace, one.name))
            assert (known[1] if known else Metric(one.name).unit) == unit
            assert alarm["Metrics"][0]["Expression"] == expression
            assert alarm["Metrics"][0]["Label"] == label

    @pytest.mark.parametrize("given", [EVERYTHING, LEAST], ids=["everything", "least"])
    def test_expressions_are_whole(self, given):
        for name, alarm in alarms(given).items():
            queries = alarm.get("Metrics", [])
            ids = [query["Id"] for query in queries]
            assert len(ids) == len(set(ids)) <= 10, "ten metrics an alarm (CloudWatch quotas)"
            said = [query for query in queries if query.get("ReturnData", True)]
            assert len(said) == bool(queries), name
            for query in said:
                assert names_in(query["Expression"]) == set(ids) - {query["Id"]}, name

    def test_evaluation_is_within_what_cloudwatch_allows(self):
        """A day in all (CloudWatch API Reference, PutMetricAlarm, EvaluationPeriods)."""
        for name, alarm in alarms().items():
            periods = {
                q["MetricStat"]["Period"] for q in alarm.get("Metrics", ()) if "MetricStat" in q
            }
            (period,) = periods or {alarm["Period"]}
            assert period % 60 == 0, name
            assert period * alarm["EvaluationPeriods"] <= 86_400
            assert 1 <= alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]

    def test_what_the_auditor_says_stays_until_it_says_otherwise(self):
        """It may run once a day; only its silence is an alarm of its own."""
        for name, alarm in alarms().items():
            of_audit = {dict(one.dimensions).get("service") for one, _ in series_of(alarm)} == {
                "audit"
            }
            wanted = "breaching" if name == "AuditSilent" else "ignore"
            assert (alarm["TreatMissingData"] == wanted) is of_audit, name

    def test_the_mapping_sends_what_is_asked_of_it(self):
        root = (Path(__file__).parents[3] / "template.yaml").read_text()
        asked = {
            one.name for one, _ in watched() if "EventSourceMappingUUID" in dict(one.dimensions)
        }
        assert asked
        assert asked <= OF_MAPPING
        assert "Metrics: [EventCount]" in root

    def test_thresholds_are_parameters_with_a_default(self):
        for name in (n for n in TEMPLATE["Parameters"] if "Alarm" in n and "Email" not in n):
            declared = TEMPLATE["Parameters"][name]
            assert declared["Type"] == "Number"
            assert declared["MinValue"] <= declared["Default"] <= declared["MaxValue"]

    @pytest.mark.parametrize(("hours", "half"), [(24, 12), (168, 84)])
    def test_retention_is_counted_in_percent(self, hours, half):
        given = LEAST | {"StreamRetentionHours": str(hours)}
        expression = alarms(given)["RetentionShort"]["Metrics"][0]["Expression"]
        assert expression == f"FILL(age, 0) / ({hours} * 36000)"
        assert half * 3_600_000 / (hours * 36_000) == 50


class TestDashboard:
    def test_latency_is_on_a_log_scale_that_says_so(self):
        logarithmic = [
            widget["properties"]
            for widget in body()["widgets"]
            if "log scale" in widget["properties"].get("title", "")
            and "annotations" in widget["properties"]
        ]
        assert len(logarithmic) == 2
        for properties in logarithmic:
            marks = properties["annotations"]["horizontal"]
            assert [(m["value"], m["label"]) for m in marks] == [
                (1, "10 ms"),
                (2, "100 ms"),
                (3, "1 s"),
                (4, "10 s"),
                (5, "100 s"),
            ]
            shown = [o for _, o in rows(properties) if o.get("visible", True)]
            assert all(o["expression"].startswith("LOG10(") for o in shown)

    def test_it_says_how_to_read_it(self):
        words = [w["properties"]["markdown"] for w in body()["widgets"] if w["type"] == "text"]
        assert any("ten times the one below" in text for text in words)
        assert any("runbook" in text for text in words)

    def test_a_metric_is_drawn_by_a_statistic_that_means_something(self):
        """Counts add up; ages, states and what the auditor counts do not."""
        for one, stat in drawn():
            if one.namespace == NAMESPACE and stat == "Sum":
                service = dict(one.dimensions)["service"]
                assert service != "audit" or one.name in COUNTED, one
                assert Metric(one.name).unit in {"Count", "Milliseconds"}, one

    def test_its_name_is_of_one_region(self):
        assert (
            made_of(EVERYTHING)["Dashboard"]["Properties"]["DashboardName"] == f"{STACK}-us-east-1"
        )


class TestTopics:
    def test_they_are_encrypted_and_alarms_may_use_the_key(self):
        made = made_of(EVERYTHING)
        statements = made["TopicKey"]["Properties"]["KeyPolicy"]["Statement"]
        (speak,) = (s for s in statements if s["Principal"].get("Service"))
        assert speak["Principal"]["Service"] == "cloudwatch.amazonaws.com"
        assert set(speak["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
        for topic in ("AlarmTopic", "PageTopic"):
            assert made[topic]["Properties"]["KmsMasterKeyId"] == "TopicKey.Arn"

    def test_a_given_key_is_used(self):
        key = "arn:aws:kms:us-east-1:000000000000:key/k"
        made = made_of(EVERYTHING | {"KeyArn": key})
        assert "TopicKey" not in made
        assert made["AlarmTopic"]["Properties"]["KmsMasterKeyId"] == key

    def test_nobody_is_written_to_unless_asked(self):
        there = {made["Type"] for made in made_of(LEAST).values()}
        assert "AWS::SNS::Subscription" not in there
        assert "AWS::SNS::Subscription" in {m["Type"] for m in made_of(EVERYTHING).values()}


def test_the_check_can_fail():
    """The dashboard's check notices what CloudWatch would refuse or not find."""
    whole = made_of(EVERYTHING)["Dashboard"]["Properties"]["DashboardBody"]
    for good, bad in [
        ('"showUnits": false', '"scale": "log"'),
        ('"view": "singleValue"', '"view": "number"'),
        ('"x": 12', '"x": 11'),
        ("LOG10(m0)", "LG(m0)"),
        ("LOG10(m0)", "LOG10(m9)"),
        ('"stat": "p99"', '"stat": "99"'),
        ("}},", "},"),
    ]:
        assert good in whole
        with pytest.raises((AssertionError, json.JSONDecodeError)):
            check_body(whole.replace(good, bad, 1))


def test_a_series_is_its_name_and_its_dimensions():
    one = Series("n", "m", frozenset({("a", "b")}))
    assert one != Series("n", "m", frozenset({("a", "c")}))


def test_the_root_passes_on_what_may_be_tuned():
    """Same names, same defaults, same bounds, in the root and here."""
    root = load((FILE.parents[1] / "template.yaml").read_text())
    given = root["Resources"]["Observability"]["Properties"]["Parameters"]
    assert given.keys() <= TEMPLATE["Parameters"].keys()
    tuned = [name for name, value in given.items() if value == {"Ref": name}]
    for name in {*tuned} - {"Environment", "StreamRetentionHours"}:
        assert root["Parameters"][name] == TEMPLATE["Parameters"][name]
    needed = {n for n, declared in TEMPLATE["Parameters"].items() if "Default" not in declared}
    assert needed <= given.keys()
