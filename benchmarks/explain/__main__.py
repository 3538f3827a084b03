"""Our explanations beside the public packages captum and latentshift: seconds, memory and differences.

    python -m benchmarks.explain --install-peers        once
    python -m benchmarks.explain --device cpu|cuda      a few minutes

Both explain the same images with the same weights and as many threads; docs/benchmarks.md says how to read the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.explain.cases import Ours
    from benchmarks.explain.exactness import Difference
    from benchmarks.explain.networks import Pair
    from benchmarks.explain.worker import Job, Measured

_PAIRS = ("xrv", "nih-small")
_SIDES = ("ours", "peers")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--install-peers", action="store_true", help="install latentshift into the folder, and end")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of both sides (default: all cores)")
    parser.add_argument("--pair", action="append", choices=_PAIRS, help="default: both; may be given twice")
    parser.add_argument("--images", type=Path, metavar="DIR", help="PNG files to explain (default: phantoms)")
    parser.add_argument("--cases", type=int, default=2, help="images, in turn (default: 2)")
    parser.add_argument("--repeats", type=int, default=2, help="timed runs of each (default: 2)")
    parser.add_argument("--frames", type=int, default=24, help="frames of a sequence, on both sides (default: 24)")
    parser.add_argument("--study", type=int, metavar="N", help="instead: a study of N cases through the batched engine")
    parser.add_argument(
        "--scaling", type=int, nargs="*", metavar="N", help="instead: so many cases each (default: 1 2 4 8 16)"
    )
    parser.add_argument("--folder", type=Path, default=Path("var/benchmark"), help="for weights, images and the peers")
    parser.add_argument("--out", type=Path, metavar="RESULTS.json", help="write all numbers")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark with the given arguments."""
    parser = _parser()
    args = parser.parse_args(argv)
    args.folder = args.folder.resolve()
    # Read when torch is loaded: threads that wait do not take the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmarks.explain import peers
    from explainer.memory import keep_memory

    keep_memory()
    if args.install_peers:
        peers.install(args.folder)
        return 0
    if args.study is None and args.scaling is None and not peers.is_installed(args.folder):
        parser.error("latentshift is not installed: run python -m benchmarks.explain --install-peers")
    import torch

    torch.set_num_threads(args.threads)
    results: dict[str, Any] = {"machine": _machine(args.device), "arguments": {**vars(args), "pair": args.pair}}
    print(f"{', '.join(f'{key} {value}' for key, value in results['machine'].items())}\n")
    for name in args.pair or _PAIRS:
        results[name] = _of_pair(name, args)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=2, default=str) + "\n", encoding="utf-8")
    return 0


def _machine(device: str) -> dict[str, str | int]:
    import captum
    import numpy as np
    import torch

    name = (
        torch.cuda.get_device_name(device)
        if device.startswith("cuda")
        else f"CPU with {torch.backends.cpu.get_cpu_capability()}"
    )
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "captum": captum.__version__,
        "numpy": np.__version__,
    }


def _of_pair(name: str, args: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.explain import cases, networks

    pair = networks.find(name, args.folder)
    counts = args.scaling or (1, 2, 4, 8, 16)
    wanted = args.study or (max(counts) if args.scaling is not None else args.cases)
    paths = cases.choose(pair, args.device, wanted, args.folder, args.images)
    print(f"{name}: {pair.classifier} and {pair.autoencoder}, weights {pair.weights}, target {pair.target}\n")
    if args.scaling is not None:
        return _scaling(pair, paths, counts, args)
    if args.study:
        return _study(cases.Ours(pair, args.device, args.frames, args.folder), paths, args)
    return {"weights": pair.weights, "images": list(paths), **_comparison(pair, paths, args)}


def _comparison(pair: Pair, paths: Sequence[Path], args: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.explain import report
    from benchmarks.explain.cases import WORK

    runs = {work: _measured(pair, work, paths, args) for work in WORK}
    rows = []
    for work, measured in runs.items():
        seconds = {side: statistics.median(run.seconds for run in measured[side]) for side in _SIDES}
        peaks = [report.megabytes(measured[side][-1].peak) for side in _SIDES]
        ratio = f"{seconds['peers'] / seconds['ours']:.1f}x"
        rows.append([work, *(report.seconds(seconds[side]) for side in _SIDES), ratio, *peaks])
    _print(["per case", "ours, s", "peers, s", "ratio", "ours, MB", "peers, MB"], rows, args)
    differences = _differences(pair, paths[0], args)
    shown = [
        [one.result, *map(report.difference, (one.peers, one.ours_to_float64, one.peers_to_float64))]
        for one in differences
    ]
    _print(["largest relative difference", "ours to peers", "ours to float64", "peers to float64"], shown, args)
    return {
        "runs": {
            work: {side: [asdict(run) for run in of] for side, of in sides.items()} for work, sides in runs.items()
        },
        "differences": [asdict(one) for one in differences],
    }


def _print(header: Sequence[str], rows: Sequence[Sequence[str]], args: argparse.Namespace) -> None:
    from benchmarks.explain import report

    print(report.table(header, rows, markdown=args.markdown), "\n", sep="", flush=True)


def _measured(pair: Pair, work: str, paths: Sequence[Path], args: argparse.Namespace) -> dict[str, list[Measured]]:
    """Every run of a piece of work: ours and the peers' in turn, each first as often as the other, two processes."""
    from benchmarks.explain.cases import QUICK, WARM_UP
    from benchmarks.explain.worker import Worker

    print(f"  {work}", file=sys.stderr)
    runs: dict[str, list[Measured]] = {side: [] for side in _SIDES}
    with Worker(_job(pair, "ours", args)) as ours, Worker(_job(pair, "peers", args)) as peers:
        workers = dict(zip(_SIDES, (ours, peers), strict=True))
        for worker in workers.values():
            worker.measure(WARM_UP.get(work, work), paths[:1])
        # The quick ones more often: what else the machine does weighs more on them.
        for repeat in range(args.repeats * (3 if work in QUICK else 1)):
            for side in sorted(_SIDES, reverse=bool(repeat % 2)):
                path = paths[repeat % len(paths)]
                runs[side].append(workers[side].measure(work, [path]))
    return runs


def _job(pair: Pair, side: str, args: argparse.Namespace) -> Job:
    from benchmarks.explain.worker import Job

    return Job(side, pair.name, args.device, args.frames, args.threads, str(args.folder))


def _differences(pair: Pair, path: Path, args: argparse.Namespace) -> list[Difference]:
    from benchmarks.explain import cases, exactness, networks

    print("  differences", file=sys.stderr)
    ours = cases.Ours(pair, args.device, args.frames, args.folder)
    theirs = cases.Theirs(networks.peer_of(pair, args.device), args.device, args.frames, args.folder)
    return exactness.compare(ours, theirs, path)


def _study(ours: Ours, paths: Sequence[Path], args: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.explain import report, study

    found = study.throughput(ours, paths, args.device)
    row = [
        str(found.cases),
        report.seconds(found.seconds),
        report.seconds(found.seconds / found.cases),
        f"{found.evaluations:.0f}",
        f"{found.flops / found.cases / 1e12:.2f}",
        f"{found.flops / found.seconds / 1e9:,.0f}",
        f"{found.limit / 1e9:,.0f}",
        f"{found.share:.0%}",
    ]
    header = ["cases", "s", "s per case", "evaluations", "TFLOP per case", "GFLOP/s", "limit, GFLOP/s", "of the limit"]
    _print(header, [row], args)
    return {**asdict(found), "share": found.share}


def _scaling(pair: Pair, paths: Sequence[Path], counts: Sequence[int], args: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.explain import report, study

    found = study.scaling(_job(pair, "ours", args), paths, counts)
    rows = [
        [str(count), report.seconds(one.seconds), report.seconds(one.seconds / count), report.megabytes(one.peak)]
        for count, one in found.items()
    ]
    _print(["cases", "s", "s per case", "peak, MB"], rows, args)
    return {str(count): asdict(one) for count, one in found.items()}


if __name__ == "__main__":
    sys.exit(main())
