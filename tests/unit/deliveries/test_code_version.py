"""The same sources are the same version, other sources another."""

from consumer import sources
from consumer.version import code_version


def test_the_same_sources_are_the_same_version():
    assert code_version("consumer.orders:Orders") == code_version("consumer.orders:Orders")
    assert len(code_version("consumer.orders:Orders")) == 12


def test_a_change_of_the_projections_package_is_another_version(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "shop_of_the_version_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "shipments.py").write_text("a = 1")
    (package / "rules.py").write_text("b = 1")
    name = "shop_of_the_version_test.shipments:Shipments"
    first = code_version(name)
    (package / "rules.py").write_text("b = 2")
    second = code_version(name)
    (package / "query.sql").write_text("select 1")
    assert len({first, second, code_version(name)}) == 3


def test_a_single_module_counts_too(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "module_of_the_version_test.py"
    module.write_text("a = 1")
    first = code_version("module_of_the_version_test:Shipments")
    module.write_text("a = 2")
    assert code_version("module_of_the_version_test:Shipments") != first


def test_another_projection_is_another_version():
    assert code_version("consumer.orders:Orders") != code_version("consumer.orders:Others")


def test_what_was_built_is_not_read_again(tmp_path, monkeypatch):
    read = code_version("consumer.orders:Orders")
    built = tmp_path / "sources.digest"
    monkeypatch.setattr(sources, "_BUILT", built)
    built.write_text(sources.digest_of(sources.sources(sources.OURS)))
    assert code_version("consumer.orders:Orders") == read
    built.write_text("another")
    assert code_version("consumer.orders:Orders") != read
