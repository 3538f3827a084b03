"""What the documentation names is there: pages, links, files, modules, commands and their options."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

import analysis.commands.main as analysis_cli
import explainer.__main__ as explainer_cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("explainer/models/*/MODEL_CARD.md")])
#: What is told of earlier versions names files that are gone, and so may what others wrote.
TODAY = [page for page in PAGES if page.name not in {"CHANGELOG.md", "CODE_OF_CONDUCT.md"}]
FOLDERS = ("readerstudy", "explainer", "analysis", "templates", "static", "tests", "benchmarks", "docs")
SOURCES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".html", ".js", ".css", ".md", ".toml", ".svg"}
]
_NESTED = {"evaluate", "train", "weights"}  # their next word is a subcommand too


def of(root: Path) -> str:
    return str(root.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if link and not (page.parent / link).exists()]


def test_every_page_of_the_documentation_is_in_an_index() -> None:
    listed = {
        (index.parent / link).resolve()
        for index in (ROOT / "docs").rglob("index.md")
        for link in re.findall(r"^- \[[^]]+\]\(([^)#]+)\)", index.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    pages = {page for page in PAGES if page != ROOT / "docs" / "index.md"}
    assert len(listed) > 20
    assert not {of(page) for page in pages - listed}


@pytest.mark.parametrize("page", TODAY, ids=of)
def test_files_and_modules_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[^`\s:]*)", text)
    modules = [
        *re.findall(r"python -m ((?:readerstudy|explainer|analysis|benchmarks)[\w.]*)", text),
        *re.findall(r"`((?:readerstudy|analysis|benchmarks)(?:\.\w+)+)(?:[:(][^`]*)?`", text),
    ]
    assert not [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
    assert not [module for module in modules if not is_module(module)]


def is_module(name: str) -> bool:
    """Whether `name` is a module, or something in one."""
    path = ROOT.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file() or path.is_dir():
        return True
    parent, attribute = path.parent, path.name
    text = "".join(
        file.read_text(encoding="utf-8")
        for file in (parent.with_suffix(".py"), parent / "__init__.py")
        if file.is_file()
    )
    return re.search(rf"\b{attribute}\b", text) is not None


def test_what_sources_say_of_the_documentation_is_there() -> None:
    named = {
        (of(source), name)
        for source in SOURCES
        for name in re.findall(
            r"\bdocs/((?:decisions|protocols|images)/[\w.-]+|[\w-]+\.md)", source.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 20
    assert not [(source, name) for source, name in named if not list((ROOT / "docs").glob(name.rstrip(".") + "*"))]


def test_no_conflict_of_a_merge_is_left() -> None:
    mark = re.compile(r"^(<{7}|>{7}) ", flags=re.MULTILINE)
    assert not [of(source) for source in {*SOURCES, *PAGES} if mark.search(source.read_text(encoding="utf-8"))]


def named_commands() -> list[tuple[str, tuple[str, ...], frozenset[str]]]:
    """Program, subcommands and options of each command line in the pages' examples and sentences."""
    found = set()
    for page in TODAY:
        if page.name == "MODEL_CARD.md":
            continue  # tells how the weights were made, by the commands of that time
        text = re.sub(r"\\\n\s*|\n {7,}", " ", page.read_text(encoding="utf-8"))  # continued lines
        for program, rest in re.findall(r"(manage\.py|python -m explainer|python -m analysis) ([^`\n#]*)", text):
            words = rest.split()
            depth = 2 if words[0] in _NESTED else 1
            names = tuple(word.split("|")[0] for word in words[:depth])
            if all(re.fullmatch(r"[a-z][a-z_-]*", name) for name in names):
                found.add((program.removeprefix("python -m "), names, frozenset(re.findall(r"(--[a-z][a-z-]*)", rest))))
    return sorted(found, key=lambda each: (each[0], each[1], sorted(each[2])))


@cache
def help_of(program: str, names: tuple[str, ...]) -> str:
    if program == "manage.py":
        command = load_command_class(get_commands()[names[0]], names[0])
        return command.create_parser("manage.py", names[0]).format_help()  # type: ignore[no-any-return, unused-ignore]
    main = {"explainer": explainer_cli.main, "analysis": analysis_cli.main}[program]
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
        main([*names, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


def test_commands_that_a_page_names_have_these_options() -> None:
    commands = named_commands()
    assert len(commands) > 40
    unknown = {
        (program, *names): options - set(re.findall(r"--[a-z][a-z-]*", help_of(program, names)))
        for program, names, options in commands
    }
    assert not {command: options for command, options in unknown.items() if options}


def test_the_architecture_has_the_layers_that_are_held() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    chains = [
        " -> ".join(re.sub(r"(readerstudy|analysis)\.", "", layer) for layer in contract["layers"])
        for contract in contracts
        if contract["type"] == "layers" and "containers" not in contract
    ]
    assert len(chains) == 2
    assert not [chain for chain in chains if f"`{chain}`" not in text]


def test_the_readme_names_every_app_and_package() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    packages = {
        init.parent.name for folder in ("readerstudy", "analysis") for init in (ROOT / folder).glob("*/__init__.py")
    }
    assert not {name for name in packages if f"`{name}`" not in text}


def test_pictures_are_small_and_shown() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in TODAY)
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert len(pictures) > 4
    assert not [picture.name for picture in pictures if f"images/{picture.name})" not in text]
    assert not [picture.name for picture in pictures if picture.stat().st_size > 200_000]


def test_make_has_the_targets_that_a_page_names() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        target
        for page in TODAY
        for target in re.findall(r"(?:^|`)make ([a-z]+)\b", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert {"demo", "test", "lint", "docs"} <= named
    assert not named - targets
