"""Truths about records: a flipped bit or a cut anywhere shows, whatever file it is in."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.files import replacing, write_json
from bench.readouts import _store as readouts_store
from bench.results.digests import Digests
from bench.results.records import Damaged, digests, find_record, read_record, verified, write_record
from bench.training.records import read_weights, write_weights

CONTENT = {"key": "k", "seeds": {"0": {"status": "ok", "value": -1.25e-7}}, "files": {}}


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of two files beside it."""
    (tmp_path / "one.bin").write_bytes(bytes(range(256)))
    (tmp_path / "two.bin").write_bytes(b"")
    names = ["one.bin", "two.bin"]
    write_record(tmp_path / "r.json", CONTENT | {"files": digests(tmp_path, names)})
    return tmp_path / "r.json"


def test_a_record_is_read_as_it_was_written(record: Path) -> None:
    assert read_record(record)["seeds"] == CONTENT["seeds"]
    assert verified(record, "k") == read_record(record)
    with pytest.raises(Damaged, match="other settings"):
        verified(record, "another")


def test_every_flipped_bit_of_a_record_shows(record: Path) -> None:
    """All of them, but for those between the words, which say nothing."""
    whole, sound = record.read_bytes(), read_record(record)
    for place in range(len(whole)):
        for bit in range(8):
            content = bytearray(whole)
            content[place] ^= 1 << bit
            record.write_bytes(content)
            found = find_record(record)
            assert found is None or found == sound, (place, bit)


def test_every_cut_of_a_record_shows(record: Path) -> None:
    whole = record.read_bytes()
    for length in range(len(whole) - 1):
        record.write_bytes(whole[:length])
        assert find_record(record) is None, length


@pytest.mark.parametrize("damage", [b"", bytes(255), bytes(range(255)) + b"\xfe"])
def test_a_damaged_file_of_a_record_shows(record: Path, damage: bytes) -> None:
    record.with_name("one.bin").write_bytes(damage)
    with pytest.raises(Damaged, match=r"one\.bin is not as it was written"):
        verified(record)
    record.with_name("one.bin").unlink()
    with pytest.raises(Damaged, match=r"one\.bin is missing"):
        verified(record)


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(tmp_path / "r.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)

    def cut_off() -> None:
        with replacing(tmp_path / "a.json") as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cut_off()
    assert (tmp_path / "a.json").read_text() == "1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


class Evil:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def test_no_result_file_is_ever_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither weights nor arrays (R10)."""
    monkeypatch.chdir(tmp_path)
    torch.save({"w": Evil()}, "weights.safetensors")
    with pytest.raises(Exception, match="header"):
        read_weights(Path("weights.safetensors"))
    np.savez("arrays.npz", a=np.array([Evil()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        readouts_store.read(Path("arrays.npz"))
    assert not Path("unpickled").exists()


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    state = {
        "transposed": base.T,
        "a_row_of_it": base[1],
        "count": torch.tensor(3),
        "on": torch.tensor([True, False]),
        "none": torch.zeros(0, 4),
    }
    write_weights(tmp_path / "w", state)
    found = read_weights(tmp_path / "w")
    assert found.keys() == state.keys()
    for name, value in state.items():
        assert found[name].dtype == value.dtype
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


def test_a_digest_is_read_again_only_when_the_file_may_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other, memory = (tmp_path / name for name in ("a", "b", "memory.json"))
    path.write_text("one")
    with Digests(memory) as known:
        first = known.of(path)
    monkeypatch.setattr("bench.results.digests.sha256_of", lambda path: "read again")
    assert Digests(memory).of(path) == first
    # Another file of the same size in its place, with the time of the first.
    other.write_text("two")
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    shutil.move(other, path)
    assert Digests(memory).of(path) == "read again"
    memory.write_text("{damaged")
    assert Digests(memory).of(path) == "read again"
    assert Digests(memory).of(tmp_path / "nowhere") is None
    assert Digests(memory).of(path / "below") is None


def test_content_written_in_place_with_its_old_time_shows(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    times = path.stat()
    with Digests(tmp_path / "memory.json") as known:
        first = known.of(path)
    path.write_text("two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Digests(tmp_path / "memory.json").of(path) != first
