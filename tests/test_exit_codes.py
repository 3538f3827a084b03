"""Both command lines end with 0 when all went well, 1 for files, 2 for requests that make no sense."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

import analysis.commands.main as analysis_cli
import explainer.__main__ as explainer_cli

# Subcommand -> arguments that name a file which is no such thing ("BAD"), and what must be the end of it: 1.
DATA: dict[str, dict[str, list[str]]] = {
    "analysis": {
        "report": ["BAD", "--out", "OUT"],
        "mrmc": ["BAD", "--out", "OUT"],
        "agreement": ["BAD"],
        "power": ["BAD"],
        "convert": ["BAD", "--question", "q", "--to", "lrc", "--out", "OUT"],
    },
    "explainer": {
        "score": ["BAD", "--classifier", "phantom-small", "--device", "cpu", "--out", "OUT/scores.csv"],
        "explain": [
            *["BAD", "--classifier", "phantom-small", "--autoencoder", "phantom-small", "--target", "Effusion"],
            *["--device", "cpu", "--out", "OUT"],
        ],
        "picture": ["BAD", "--out", "OUT"],
        "phantoms": ["--count", "1", "--seed", "1", "--quiet", "--out", "BAD"],
        "weights": ["verify", "chexpert", "--folder", "OUT"],
        "train": ["classifier", "--images", "OUT", "--labels", "BAD", "--targets", "Mass", "--out", "OUT", "--quiet"],
        "evaluate": ["shortcut", "--count", "1", "--seed", "2", "--quiet", "--device", "cpu", "--out", "OUT"],
    },
}
# The same with a request that no file could make good: 2. An unknown option is one for every subcommand.
USAGE: dict[str, dict[str, list[str]]] = {
    "analysis": {
        "report": ["BAD", "--draws", "10", "--arms", "A", "--out", "OUT"],
        "mrmc": ["BAD", "--covariance", "none", "--out", "OUT"],
        "agreement": ["BAD", "--scale", "5,1"],
        "power": ["--readers", "10"],
        "convert": ["BAD", "--question", "q", "--to", "dbm", "--out", "OUT"],
    },
    "explainer": {
        "score": ["BAD", "--classifier", "no-such-model", "--device", "cpu", "--out", "OUT/scores.csv"],
        "explain": ["BAD", "--classifier", "phantom-small", "--target", "Hernia", "--percent", "0", "--out", "OUT"],
        "methods": ["no-such-method"],
        "picture": ["BAD"],
        "phantoms": ["--count", "0", "--seed", "1", "--out", "OUT"],
        "weights": ["fetch", "no-such-model"],
        "train": ["classifier", "--images", "OUT"],
        "evaluate": ["shortcut", "--count", "0", "--seed", "2", "--out", "OUT"],
    },
}
READ_NOTHING = {"methods"}  # subcommands to which no file can be given
CLI: dict[str, Callable[[list[str]], int]] = {"analysis": analysis_cli.main, "explainer": explainer_cli.main}


def ended(program: str, arguments: list[str]) -> int:
    try:
        return CLI[program](arguments)
    except SystemExit as end:  # argparse's way out
        return int(end.code or 0)


def commands_of(program: str) -> set[str]:
    parser = {"analysis": analysis_cli, "explainer": explainer_cli}[program]._parser()
    (choices,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return set(choices.choices)


def filled(arguments: list[str], folder: Path) -> list[str]:
    bad = folder / "bad.csv"
    bad.write_bytes(b"neither\x00a table nor an image")
    (folder / "out").mkdir(exist_ok=True)
    return [text.replace("BAD", str(bad)).replace("OUT", str(folder / "out")) for text in arguments]


@pytest.mark.parametrize("program", CLI)
def test_every_subcommand_is_tried(program: str) -> None:
    assert set(USAGE[program]) == commands_of(program)
    assert set(DATA[program]) == commands_of(program) - READ_NOTHING


@pytest.mark.parametrize(("program", "command"), [(program, name) for program in DATA for name in DATA[program]])
def test_bad_data_ends_with_1(program: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(program, [command, *filled(DATA[program][command], tmp_path)]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "error: " in said.err or '"accepted": false' in said.out


@pytest.mark.parametrize(("program", "command"), [(program, name) for program in USAGE for name in USAGE[program]])
def test_a_bad_request_ends_with_2(
    program: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(program, [command, *filled(USAGE[program][command], tmp_path)]) == 2
    assert ended(program, [command, "--no-such-option"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.django_db
def test_commands_of_the_application_end_alike(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("study_create", str(tmp_path / "absent.toml"))
    assert caught.value.returncode == 1  # of manage.py; argparse ends with 2 there too
    with pytest.raises(CommandError, match="required"):
        call_command("study_create")
