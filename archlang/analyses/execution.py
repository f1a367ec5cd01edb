"""When tensors of a network are last needed, and what may be written over.

The compiled module and the account of its memory must agree on these, so both ask here.
"""

from __future__ import annotations

from archlang.graph import Graph, Node
from archlang.op import Op

NEVER = -1


class Execution:
    """What runs of a graph, in training and in evaluation, and the last use of each tensor."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.live = graph.live()
        self.ends = [*graph.outputs.values(), *(a.node for a in graph.aux.values())]
        self.run = graph.reaching(self.ends) if graph.aux else self.live
        self.uses: dict[str, list[Node]] = {}
        for node in graph.nodes:
            if not node.op.merges:
                self.uses.setdefault(node.path, []).append(node)
        self.users: list[list[Node]] = [[] for _ in graph.nodes]
        """The nodes that run and take what each gives."""
        for node in graph.nodes:
            if node.index in self.run:
                for taken in dict.fromkeys(node.inputs):
                    self.users[taken.index].append(node)
        self.last_use = [users[-1].index if users else NEVER for users in self.users]
        """The index of the last node that uses each; past the end for outputs."""
        for end in self.ends:
            self.last_use[end.index] = len(graph.nodes)

    def in_place(self, node: Node) -> bool:
        """Whether writing over what ``node`` takes changes nothing that is needed elsewhere."""
        current = node.inputs[0]
        while True:
            users = self.users[current.index]
            is_end = self.last_use[current.index] == len(self.graph.nodes)
            if len(users) > 1 or is_end or current.op.keeps_output or not current.inputs:
                return False
            if not current.op.aliases:
                return True
            current = current.inputs[0]

    def stretched(self, node: Node) -> bool:
        """Whether all that takes a node's tensor would stretch a batch of one."""
        if self.last_use[node.index] == len(self.graph.nodes):
            return False
        return all(
            user.op.stretches and any(i.op.once("") is None for i in user.inputs)
            for user in self.users[node.index]
        )

    def layer(self, node: Node) -> Op:
        """The layer that runs at a node: written in place only where every use of it is safe."""
        if getattr(node.op, "inplace", False) and not all(map(self.in_place, self.uses[node.path])):
            return node.op.model_copy(update={"inplace": False})
        return node.op
