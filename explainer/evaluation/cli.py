"""`python -m explainer evaluate COMMAND`: measures of explanations."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Name -> (module with `add_arguments(parser)` and `run(args)`, what it does).
_COMMANDS = {
    "shortcut": ("explainer.evaluation.shortcut", "mass of maps on a finding and on a planted shortcut (phantoms)"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `evaluate` with the given arguments. Raises an ExplainerError that says what could not be done."""
    # Read when torch is loaded: threads that sleep while they wait leave the cores to whoever else is at work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m explainer evaluate", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (path, purpose) in _COMMANDS.items():
        module = importlib.import_module(path)
        command = commands.add_parser(name, help=purpose, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    args.command_line = shlex.join(["python", "-m", "explainer", "evaluate", *arguments])
    return int(args.run(args) or 0)
