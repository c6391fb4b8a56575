"""A broken download goes on where it stopped; a wrong file is refused and removed."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mi_course.digits.download import DownloadError, fetch

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(HTTPServer):
    """Serves CONTENT; `stop_after` bytes of an answer break it off, `ranges` may be refused."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.stop_after, self.ranges = CONTENT, None, True
        self.asked: list[str | None] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/file"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        start = int(wanted[len("bytes=") : -1]) if wanted and server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.stop_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once(server, tmp_path):
    target = tmp_path / "file"
    fetch([server.url], target, MD5)
    fetch([server.url], target, MD5)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None]
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupted_download_asks_for_the_rest_only(server, tmp_path):
    target, server.stop_after = tmp_path / "file", 3000
    with pytest.raises(DownloadError, match=r"after 3,000 of 10,240 bytes.*goes on where"):
        fetch([server.url], target, MD5)
    assert not target.exists()
    server.stop_after = None
    fetch([server.url], target, MD5)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=3000-"]


def test_a_server_that_sends_no_parts_is_asked_for_all(server, tmp_path):
    target, server.ranges = tmp_path / "file", False
    (tmp_path / "file.part").write_bytes(CONTENT[:100])
    fetch([server.url], target, MD5)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_no_network(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    fetch(["http://127.0.0.1:9/file"], tmp_path / "file", MD5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_wrong_file_is_removed_and_the_next_address_tried(server, tmp_path):
    server.content = b"not it"
    with pytest.raises(DownloadError, match="wrong MD5"):
        fetch([server.url], tmp_path / "file", MD5)
    assert list(tmp_path.iterdir()) == []
    other = Server()
    threading.Thread(target=other.serve_forever, daemon=True).start()
    fetch([server.url, other.url], tmp_path / "file", MD5)
    other.shutdown()
    other.server_close()
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_without_a_network_the_sentence_names_the_file(tmp_path):
    with pytest.raises(DownloadError, match="file was not downloaded"):
        fetch(["http://127.0.0.1:9/file"], tmp_path / "file", MD5)
