"""Files that are there whole or not at all."""

import threading
from pathlib import Path

from movrecon_core.storage.files import replacing


def test_threads_that_write_one_file_do_not_take_the_other_s(tmp_path: Path) -> None:
    """Both have begun before either ends: the file is the last one's, and nothing temporary is left."""
    path, begun, failed = tmp_path / "picture.png", threading.Barrier(2), []

    def write(content: str) -> None:
        try:
            with replacing(path) as temporary:
                temporary.write_text(content)
                begun.wait(10)
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(content,)) for content in ("one", "other")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert path.read_text() in {"one", "other"}
    assert list(tmp_path.iterdir()) == [path]
