"""The check of settings as CloudFormation has it: asked with an event, answering at a URL."""

import pytest

from migrations import settings
from tests.integration.migrations.test_handler import Cloud, Time, event

SOUND = {
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:settings",
    "ServiceTimeout": "60",
    "DatabaseMode": "aurora",
    "StreamMode": "PROVISIONED",
    "ShardCount": "4",
    "RecordBytes": "500",
    "BatchSize": "500",
    "ParallelizationFactor": "2",
    "ConcurrencyControl": "off",
    "LowestFactor": "1",
    "HighestFactor": "10",
    "ConsumerConcurrency": "8",
    "ConsumerMemory": "1024",
    "ConsumerTimeoutSeconds": "60",
    "AuroraMinCapacity": "1",
    "AuroraMaxCapacity": "8",
    "ProxyConnectionsPercent": "70",
    "ProxyIdleConnectionsPercent": "10",
    "ProxyBorrowTimeoutSeconds": "5",
    "DatabaseConnections": "100",
    "StreamRetentionHours": "168",
    "LedgerRetentionDays": "30",
    "Functions": "arm64 512",
}


@pytest.fixture
def ask(monkeypatch):
    """Send the check an event; gives its answer."""
    cloud = Cloud()
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)

    def send(kind, **properties):
        settings.handler(event(cloud.url, kind, SOUND | properties), Time(30))
        (answer,) = cloud.answers
        cloud.answers.clear()
        return answer

    yield send
    cloud.close()


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_sound_settings_are_answered_with_their_digest(ask, kind):
    answer = ask(kind)
    assert answer["Status"] == "SUCCESS", answer
    assert answer["PhysicalResourceId"] == "inorder-settings"
    assert answer["Data"] == settings.check(SOUND)


def test_a_refusal_says_what_and_what_to_do(ask):
    answer = ask("Update", ShardCount="600", ConsumerConcurrency="0")
    assert answer["Status"] == "FAILED"
    assert "1203 connections" in answer["Reason"]
    assert "lower ParallelizationFactor" in answer["Reason"]
    assert answer["PhysicalResourceId"] == "inorder-settings", "another one would be deleted"


def test_a_setting_that_is_missing_is_a_failure_and_answered(ask, monkeypatch):
    monkeypatch.delitem(SOUND, "ShardCount")
    assert ask("Create")["Status"] == "FAILED"


def test_a_delete_asks_nothing(ask):
    assert ask("Delete", ShardCount="600")["Status"] == "SUCCESS"
