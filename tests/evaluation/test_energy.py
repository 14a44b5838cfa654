from pathlib import Path

import pytest

from autoselection_core.evaluation.energy import Counter, read_counters, used_joules


def package(folder: Path, energy: str, name: str = "intel-rapl:0") -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(energy)
    (folder / name / "max_energy_range_uj").write_text("9000000\n")


def test_packages_are_read_without_their_parts(tmp_path: Path) -> None:
    package(tmp_path, "5000000\n")
    package(tmp_path, "4000000\n", "intel-rapl:0:0")

    assert read_counters(tmp_path)["intel-rapl:0"] == Counter(5.0, 9.0)
    assert "intel-rapl:0:0" not in read_counters(tmp_path)


def test_a_machine_without_counters_has_no_energy_instead_of_none_used(tmp_path: Path) -> None:
    known = {name for name in read_counters(tmp_path) if name.startswith("intel-rapl")}

    assert known == set()
    assert used_joules({}, {}) is None


def test_a_counter_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    package(tmp_path, "<not supported>")

    assert "intel-rapl:0" not in read_counters(tmp_path)


def test_a_counter_that_came_round_is_counted_on() -> None:
    assert used_joules({"a": Counter(8.0, 9.0)}, {"a": Counter(1.0, 9.0)}) == pytest.approx(2.0)


def test_a_device_that_went_away_leaves_the_energy_unknown() -> None:
    assert used_joules({"a": Counter(1.0), "b": Counter(1.0)}, {"a": Counter(2.0)}) is None
