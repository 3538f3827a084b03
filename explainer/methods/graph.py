"""Autograd's graph of a forward pass, in which functions and modules look alike: which operations led to an output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.autograd.graph import Node

#: Parts of autograd's names of operations that hold others inside: TorchScript's and torch.compile's.
_HIDING = ("DifferentiableGraph", "CompiledFunction")


def nodes_of(output: Tensor) -> list[Node]:
    """Every operation that led from the leaves to `output`, each after all that use its result."""
    root = output.grad_fn
    if root is None:
        return []
    finished: list[Node] = []
    seen: set[Node] = {root}
    waiting = [(root, iter(root.next_functions))]
    while waiting:
        node, inputs = waiting[-1]
        following = next((one for one, _ in inputs if one is not None and one not in seen), None)
        if following is None:
            finished.append(node)
            waiting.pop()
        else:
            seen.add(following)
            waiting.append((following, iter(following.next_functions)))
    return finished[::-1]


def hiding(nodes: list[Node]) -> list[str]:
    """Names of the operations among these that show nothing of what is in them."""
    return sorted({node.name() for node in nodes if any(part in node.name() for part in _HIDING)})
