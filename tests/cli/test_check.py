"""dlrun check: a line for each finding, a count of them, and exit codes."""

import shutil

from pictures import class_folders, picture

from dl_runner.cli.app import run


def checked(folder, *overrides):
    return run(["check", "data=image_folder", f"data.path={folder}", "data.image_size=8", *overrides])


def test_a_clean_folder_is_said_to_be_clean(tmp_path, capsys):
    for number in range(16):
        picture(tmp_path / ("cat" if number < 8 else "dog") / f"{number:02}.png", width=9 + number)
    assert checked(tmp_path) == 0
    shown = capsys.readouterr()
    counts, verdict = shown.out.splitlines()
    assert counts.startswith(f"{tmp_path}: ") and counts.endswith("pictures of 2 classes")
    assert verdict == "nothing damaged, odd or twice" and not shown.err


def test_everything_that_is_wrong_is_listed_at_once_and_counted(tmp_path, capsys):
    for split in ("Training", "Testing"):
        class_folders(tmp_path / split, 3, ["cat"])
        class_folders(tmp_path / split, 6, ["dog"])
    for name in ("Training/cat/a.png", "Testing/dog/b.png"):
        (tmp_path / name).write_text("no picture")
    shutil.copy(tmp_path / "Training/cat/00.png", tmp_path / "Training/cat/again.png")
    (tmp_path / "notes.txt").write_text("x")
    assert checked(tmp_path, "data.validation=0") == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "note: Training/ is the train split, Testing/ is the test split"
    assert [line.partition(": not")[0] for line in lines[1:3]] == [
        "damaged: Training/cat/a.png",
        "damaged: Testing/dog/b.png",
    ]
    assert lines[3].startswith(
        "in train and test: Training/cat/00.png: the same bytes (cat, dog) as Training/cat/again"
    )
    assert "left out: notes.txt: no picture" in lines
    assert shown.err == "dlrun: check: found 2 damaged, 6 in train and test, 1 left out\n"
    assert str(tmp_path) not in "".join(lines[:-1])


def test_what_is_left_out_as_damaged_is_listed_too(tmp_path, capsys):
    class_folders(tmp_path, 3)
    (tmp_path / "cat" / "a.png").write_text("no picture")
    assert checked(tmp_path, "data.skip_damaged=true") == 1
    assert "left out: cat/a.png: not a readable image" in capsys.readouterr().out


def test_data_without_files_of_their_own_say_so(capsys):
    assert run(["check", "data=digits"]) == 0
    assert "have no files of their own to check" in capsys.readouterr().out


def test_mistakes_are_one_line(tmp_path, capsys):
    assert checked(tmp_path / "nowhere") == 2
    assert run(["check", "data=image_folder", "data.paht=x"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("dlrun: ") for line in lines)
