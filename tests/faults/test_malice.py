"""Files made to harm whoever opens them: one line, no code is run, and little memory is taken."""

import json
import os
import pickle
import shutil
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from damage import said
from helpers import QUIET, run, unchecked

from dl_runner.data.arrays_pickle import load_arrays
from dl_runner.data.idx import read_idx
from dl_runner.data.images import decode
from dl_runner.errors import UserError

MOST = 50_000_000  # bytes: what is allocated at most while a file is refused
TIB = 1 << 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    short = ("data=digits", "data.limit=40", "data.batch_size=20", "model=softmax", "trainer.steps=2")
    return run(tmp_path_factory.mktemp("runs"), *QUIET, *short).record.folder


@pytest.fixture
def folder(made, tmp_path):
    """A run folder of a stranger's, who has left out the checksums."""
    shutil.copytree(made, tmp_path / "run")
    unchecked(tmp_path / "run")
    return tmp_path / "run"


def refusal(*argv: str) -> str:
    """What a command line says that is refused, in little memory."""
    tracemalloc.start()
    code, _, err = said(*argv)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST
    assert code == 2 and "Traceback" not in err, err
    assert len([line for line in err.splitlines() if not line.startswith("dlrun: warning")]) == 1, err
    return err


TENFOLD = ("a0: &a0 [x,x,x,x,x,x,x,x,x,x]", *(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)))
TEXTS = ("a0: xxxxxxxxxx", *(f'a{n}: "{("${a" + str(n - 1) + "}") * 10}"' for n in range(1, 12)))
CONFIGS = {
    "aliases of aliases": "\n".join(TENFOLD),
    "an object of Python": "data: !!python/object/apply:os.mkdir [made]\n",
    "a module of Python": "data: !!python/module:antigravity\n",
    "deep": "a: " + "[" * 100_000,
    "deep in mappings": "".join(" " * n + "a:\n" for n in range(2000)),
    "texts of texts": "\n".join(TEXTS),
    "a loop": "a: ${b}\nb: ${a}\n",
    "code": "_target_: os.mkdir\npath: made\n",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("verb", ["evaluate", "predict", "resume"])
def test_a_config_of_a_strangers(verb, text, folder, monkeypatch):
    monkeypatch.chdir(folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    (folder / "config.yaml").write_text(text)
    refusal(verb, str(folder))
    assert not (folder / "made").exists()


RECORDS = {
    "deep": '{"status": ' + "[" * 100_000,
    "a metric that is no number": '{"status": "completed", "metrics": {"test/loss": []}}',
    "metrics that are none": '{"status": "completed", "metrics": [1]}',
    "an endless number": '{"status": "completed", "metrics": {"test/loss": 1' + "0" * 400 + "}}",
    "an endless time": '{"status": "completed", "seconds": 1' + "0" * 400 + "}",
    "a digit too many": "1" * 10_000,
}


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("verb", ["resume", "compare"])
def test_a_record_of_a_strangers(verb, text, folder):
    (folder / "run.json").write_text(text)
    assert "run.json: damaged" in refusal(verb, str(folder))


@pytest.mark.parametrize("text", ["[" * 100_000 + "\n", '{"step": 1' + "0" * 5000 + "}\n", "1\n"])
def test_metrics_of_a_strangers(text, folder):
    (folder / "metrics.jsonl").write_text(text)
    assert "metrics.jsonl, line 1: damaged" in refusal("compare", str(folder))


class Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_checkpoint_of_a_strangers(write, folder, tmp_path):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    write({"version": 3, "state": Code(tmp_path / "made")}, folder / "checkpoints" / "last.pt")
    assert "last.pt: damaged or no checkpoint" in refusal("resume", str(folder))
    write({"weight": Code(tmp_path / "made")}, tmp_path / "w.pt")
    assert "w.pt is damaged or holds no weights" in refusal(f"pretrained.from={tmp_path}/w.pt", *QUIET)
    assert not (tmp_path / "made").exists()


def header(text: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if size is None else size) + text


def tensor(shape: list[int], *offsets: int) -> bytes:
    return header(json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": offsets}}).encode())


WEIGHTS = {
    "a header without end": header(b"{}", TIB),
    "more than there is": tensor([TIB], 0, 4 * TIB),
    "a size that overflows": tensor([TIB] * 4, 0, 4),
    "offsets outside": tensor([1], -4, 0),
    "deep": header(b"[" * 100_000),
    "deep metadata": header(json.dumps({"__metadata__": {"data": "[" * 100_000}}).encode()),
}


@pytest.mark.parametrize("content", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_weights_of_a_strangers(verb, content, folder):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "id": None}))
    (folder / "checkpoints" / "best.safetensors").write_bytes(content)
    assert "best.safetensors: damaged" in refusal(verb, str(folder))


def refused(read, *arguments) -> str:
    tracemalloc.start()
    with pytest.raises(UserError) as caught:
        read(*arguments)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST and "\n" not in str(caught.value)
    return str(caught.value)


def test_an_idx_file_that_claims_to_be_huge(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">IIII", 0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(100))
    assert "truncated" in refused(read_idx, path, 3)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(("width", "height"), [(0x7FFFFFFF, 0x7FFFFFFF), (60_000, 60_000), (0, 5)])
def test_a_picture_that_claims_to_be_huge(width, height, tmp_path):
    start = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert "p.png: not a readable image" in refused(decode, tmp_path / "p.png", (8, 8))


def test_a_picture_with_a_text_that_unpacks_without_end(tmp_path):
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + start + text + chunk(b"IEND", b""))
    assert "p.png: not a readable image" in refused(decode, tmp_path / "p.png", (8, 8))


PICKLES = {
    "code": pickle.dumps({"data": Code("made")}),
    "a huge array": pickle.dumps({"data": np.zeros(4, np.uint8)}).replace(b"K\x04\x85", b"\x8a\x06\0\0\0\0\0\x01\x85"),
    "a length without end": b"\x80\x04\x8e" + struct.pack("<Q", TIB),
    "a frame without end": b"\x80\x04\x95" + struct.pack("<Q", TIB),
    "a place far away": b"\x80\x04Nr" + struct.pack("<I", 0xFFFFFFF0) + b".",
}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_a_pickle_of_arrays(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    refused(load_arrays, path)
    assert not (tmp_path / "made").exists()
