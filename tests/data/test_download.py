"""Downloads against a server in a thread: verified, retried, kept, or refused without a trace."""

from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.core.dataset import Source
from bench.core.errors import UserError
from bench.data._download import fetch

CONTENT = b"counts " * 5000
CHECKSUM = sha256(CONTENT).hexdigest()


class Shop:
    """What the server offers, how often it was asked, and how many transfers it breaks off."""

    def __init__(self) -> None:
        self.content, self.asked, self.to_break, self.address = CONTENT, 0, 0, ""


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    offer = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offer.asked += 1
            self.send_response(200 if self.path == "/counts.bin" else 404)
            self.send_header("Content-Length", str(len(offer.content)))
            self.end_headers()
            broken = offer.to_break > 0
            offer.to_break -= 1
            self.wfile.write(offer.content[:1000] if broken else offer.content)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        offer.address = f"http://127.0.0.1:{server.server_port}/counts.bin"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield offer
        server.shutdown()
        thread.join()


def source(shop: Shop, checksum: str = "", file: str = "counts.bin") -> Source:
    return Source(
        file=file, address=shop.address, licence="CC BY 4.0", citation="nobody", sha256=checksum
    )


def test_a_file_is_fetched_once_and_kept(shop: Shop, tmp_path: Path) -> None:
    for _ in range(2):
        files = fetch([source(shop, CHECKSUM)], tmp_path / "new")
        assert files["counts.bin"].read_bytes() == CONTENT
    assert shop.asked == 1
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["counts.bin"]


def test_a_wrong_checksum_is_refused_and_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"does not have the sha256 {'0' * 64}"):
        fetch([source(shop, "0" * 64)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_breaks_off_starts_again(shop: Shop, tmp_path: Path) -> None:
    shop.to_break = 2
    files = fetch([source(shop, CHECKSUM)], tmp_path)
    assert files["counts.bin"].read_bytes() == CONTENT
    assert shop.asked == 3


def test_half_a_file_is_never_taken_for_a_whole_one(shop: Shop, tmp_path: Path) -> None:
    shop.to_break = 99
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch([source(shop)], tmp_path, retries=1)
    assert list(tmp_path.iterdir()) == []


def test_the_first_download_records_a_checksum_and_says_so(shop: Shop, tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        fetch([source(shop)], tmp_path, tell=told.append)
    assert len(told) == 1
    assert CHECKSUM in told[0]
    assert (tmp_path / "counts.bin.sha256").read_text() == f"{CHECKSUM}  counts.bin\n"
    assert shop.asked == 1


def test_later_downloads_must_match_the_record(shop: Shop, tmp_path: Path) -> None:
    fetch([source(shop)], tmp_path, tell=lambda said: None)
    (tmp_path / "counts.bin").unlink()
    shop.content = b"something else"
    with pytest.raises(UserError, match=r"counts\.bin\.sha256"):
        fetch([source(shop)], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["counts.bin.sha256"]


def test_a_file_changed_on_disk_is_fetched_again(shop: Shop, tmp_path: Path) -> None:
    fetch([source(shop)], tmp_path, tell=lambda said: None)
    (tmp_path / "counts.bin").write_bytes(b"changed")
    fetch([source(shop)], tmp_path)
    assert (tmp_path / "counts.bin").read_bytes() == CONTENT
    assert shop.asked == 2


def test_a_file_put_there_by_hand_is_taken(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "counts.bin").write_bytes(CONTENT)
    fetch([source(shop, CHECKSUM)], tmp_path)
    assert shop.asked == 0


def test_without_a_network_the_way_by_hand_is_told(tmp_path: Path, shop: Shop) -> None:
    nowhere = Source(
        file="counts.bin", address="http://127.0.0.1:9/counts.bin", licence="", citation=""
    )
    with pytest.raises(UserError) as caught:
        fetch([nowhere, source(shop, "0" * 64, file="other.bin")], tmp_path, retries=0)
    assert len(caught.value.findings) == 2
    assert "http://127.0.0.1:9/counts.bin" in str(caught.value)
    assert f"download the file by hand to {tmp_path / 'counts.bin'}" in str(caught.value)


def test_an_address_that_holds_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.address += ".gone"
    with pytest.raises(UserError, match="404"):
        fetch([source(shop)], tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []
