"""Tests lie as the code does: tests/<app> is about readerstudy/<app>; analysis and explainer keep their names."""

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
# What tests the whole from outside, or serves other tests.
WHOLE = {"browser", "deployment", "factories", "js"}
# A Django app that only tests have.
APP_OF_TESTS = Path("work/sums")
FOLDERS = sorted(
    {
        path.parent.relative_to(TESTS)
        for path in TESTS.rglob("*.py")
        if path.parent != TESTS and path.relative_to(TESTS).parts[0] not in WHOLE
    }
    - {APP_OF_TESTS}
)


def mirrored(folder: Path) -> Path:
    """What a folder of tests is about."""
    root = TESTS.parent
    return root / folder if folder.parts[0] in {"analysis", "explainer"} else root / "readerstudy" / folder


def test_there_are_folders_to_look_at() -> None:
    assert {Path("reading"), Path("analysis/statistics"), Path("explainer/methods")} <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_of_tests_is_about_a_package(folder: Path) -> None:
    assert (mirrored(folder) / "__init__.py").is_file()
