"""The whole bench from end to end, so small that it measures nothing: it has to run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bench.delay import calibrated
from bench.suite import SUITE

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", SUITE)
def test_a_benchmark_runs_reports_and_draws(name, tmp_path):
    variables = {"QUICK": "1", "ONLY": name, "RESULTS": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        env={"PATH": os.environ["PATH"], **variables, "REPORT": str(tmp_path / "copy.json")},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "results.json").read_text())
    assert report["quick"]
    assert report["ratios"].keys() == report["benchmarks"][name]["ratios"].keys()
    assert all(value > 0 for value in report["ratios"].values())
    assert report["benchmarks"][name]["machine"]["cores"] == os.cpu_count()
    assert (tmp_path / "copy.json").read_text() == (tmp_path / "results.json").read_text()
    assert all(f"`{ratio}`" in (tmp_path / "results.md").read_text() for ratio in report["ratios"])
    plots = list(tmp_path.glob("*.svg"))
    assert plots
    assert all(plot.read_text().rstrip().endswith("</svg>") for plot in plots)


def test_a_benchmark_that_is_not_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        env={"PATH": os.environ["PATH"], "ONLY": "nothing", "RESULTS": str(tmp_path)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "ONLY: there is no benchmark 'nothing'; there are" in done.stdout


def test_the_delaying_proxy_delays_and_passes_everything(database_url):
    """How exactly is measured, not tested: another process may have the processor."""
    with calibrated(database_url, 5.0) as (url, calibration):
        assert calibration.wanted == 5.0
        assert calibration.delayed > calibration.direct + 2.5
        with psycopg.connect(url) as connection:
            text = "x" * 2_000_000
            assert connection.execute("select %s::text", [text]).fetchone() == (text,)
