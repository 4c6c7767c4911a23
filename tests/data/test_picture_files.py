"""What lies in a folder is used or named: links, odd suffixes, and what is no picture."""

import os

import pytest
from pictures import picture

from dl_runner.data.picture_files import asked_for, below, formats, left_out_notes, suffixes
from dl_runner.errors import UserError


def names(found, folder):
    return [str(path.relative_to(folder)) for path in found.pictures]


def test_formats_are_what_pillow_decodes_itself():
    assert {"PNG", "JPEG", "TIFF", "WEBP", "AVIF"} <= set(formats())
    assert not {"EPS", "WMF", "HDF5"} & set(formats())  # Ghostscript, Windows, nobody
    assert {".jfif", ".jpe", ".avif", ".jp2", ".png"} <= suffixes() and not {".eps", ".pdf"} & suffixes()


def test_known_odd_and_missing_suffixes_are_pictures_by_suffix_or_content(tmp_path):
    for name in ("a.png", "b.JPG", "c.jfif"):
        picture(tmp_path / "one" / name, format="PNG" if name == "a.png" else "JPEG")
    picture(tmp_path / "one" / "d", format="PNG")
    picture(tmp_path / "one" / "e.bin", format="WEBP")
    (tmp_path / "one" / "f.txt").write_text("hello")
    (tmp_path / "one" / "g.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "one" / "empty").write_bytes(b"")
    found = below(tmp_path / "one")
    assert names(found, tmp_path / "one") == ["a.png", "b.JPG", "c.jfif", "d", "e.bin"]
    assert {path.name: why for path, why in found.unused.items()} == dict.fromkeys(
        ("empty", "f.txt", "g.heic"), "no picture"
    )


def test_linked_folders_and_files_are_followed_and_circles_and_broken_links_named(tmp_path):
    picture(tmp_path / "elsewhere" / "deep" / "a.png")
    picture(tmp_path / "one.png")
    folder = tmp_path / "set" / "cat"
    folder.mkdir(parents=True)
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "b.png").symlink_to(tmp_path / "one.png")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "self").symlink_to(folder / "self")
    (folder / "up").symlink_to(tmp_path / "set")  # above the folder that is read: all other classes
    (tmp_path / "elsewhere" / "round").symlink_to(tmp_path / "elsewhere")
    found = below(folder)
    assert names(found, folder) == ["b.png", "more/deep/a.png"]
    assert {str(path.relative_to(folder)): why for path, why in found.unused.items()} == {
        "gone.png": "broken link",
        "self": "broken link",
        "up": "link in a circle",
        "more/round": "link in a circle",
    }


def test_what_systems_leave_behind_is_no_part_of_the_data(tmp_path):
    picture(tmp_path / "a.png")
    for name in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_text("x")
    picture(tmp_path / "__MACOSX" / "b.png")
    found = below(tmp_path)
    assert names(found, tmp_path) == ["a.png"] and not found.unused


def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert list(below(tmp_path).unused.values()) == ["no picture"]


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: cannot be read"):
        below(tmp_path / "nowhere")


def test_notes_count_and_name():
    notes = left_out_notes({**{f"{n}.txt": "no picture" for n in range(7)}, "x": "broken link"})
    assert notes == [
        "7 files left out, no picture: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more",
        "1 file left out, broken link: x",
    ]


def test_a_folder_among_inputs_stands_for_its_pictures_in_the_order_of_their_numbers(tmp_path, caplog):
    for name in ("10.png", "9.png", "b.png", "sub/1.png"):
        picture(tmp_path / "some" / name)
    (tmp_path / "some" / "notes.txt").write_text("hello")
    (tmp_path / "none").mkdir()
    asked = asked_for(["gone.png", str(tmp_path / "some")])
    assert asked == ["gone.png", *(str(tmp_path / "some" / name) for name in ("b.png", "9.png", "10.png", "sub/1.png"))]
    assert "1 file left out, no picture" in caplog.text and "notes.txt" in caplog.text
    with pytest.raises(UserError, match="none: this folder holds no pictures"):
        asked_for([str(tmp_path / "none")])
