"""Bugs that can be put into a module, one at a time, and the text that has them.

A mutant replaces one node of the syntax tree. Names, words, annotations, decorators, log lines and
the text of messages stay: a test that asks for them would be a copy of the code.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
OPPOSITES = (
    ("min", "max"),
    ("any", "all"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("floor", "ceil"),
)
SWAPS = {name: other for pair in OPPOSITES for name, other in (pair, pair[::-1])}
SYNCING = {"fsync", "sync", "sync_directory", "flush", "settle", "barrier", "wait", "join"}
"""Calls whose only effect is that something has happened by then."""

SPARED_CALLS = {"debug", "info", "warning", "error", "exception", "TypeVar", "cast", "emit"}
SPARED_KEYWORDS = {"strict", "encoding", "newline", "stacklevel", "help", "frozen", "eq", "slots"}


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        module: path of the file below the source directory.
        line: where it is.
        kind: what is done to the node.
        was, becomes: text of the node, before and after.
        start, end: bytes of the file that are replaced.
    """

    module: str
    line: int
    kind: str
    was: str
    becomes: str
    start: int
    end: int

    @property
    def id(self) -> str:
        """Short name, the same as long as the file does not change."""
        words = f"{self.module}:{self.start}:{self.end}:{self.kind}:{self.becomes}"
        return hashlib.sha256(words.encode()).hexdigest()[:10]

    def is_code(self, source: bytes) -> bool:
        """Whether the file with the bug can be compiled.

        A sign may be all that keeps a pattern legal.
        """
        try:
            compile(self.applied(source), self.module, "exec")
        except SyntaxError:
            return False
        return True

    def applied(self, source: bytes) -> bytes:
        """The file with the bug."""
        return source[: self.start] + self.becomes.encode() + source[self.end :]


def mutants_of(module: str, source: bytes) -> list[Mutant]:
    """All mutants of a file, in the order of the file."""
    tree = ast.parse(source)
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, kind, new in _changes(tree):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        was = source[start:end].decode()
        becomes = ast.unparse(ast.fix_missing_locations(new))
        if isinstance(new, ast.expr) and not isinstance(new, ast.Slice):
            becomes = f"({becomes})"
        found.append(Mutant(module, node.lineno, kind, was, becomes, start, end))
    return sorted(found, key=lambda one: (one.start, one.end, one.kind))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, ast.AST]]:
    """Every node that may change, what is done to it, and what it becomes."""
    for node in _living(tree):
        for kind, change in CHANGES:
            for new in change(node):
                yield node, kind, new


def _living(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that do something."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params", "format_spec"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _spared(child):
                yield from _living(child)


def _spared(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.keyword):
        return node.arg in SPARED_KEYWORDS
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or _called(node.value) in SPARED_CALLS
    return isinstance(node, ast.Call) and _called(node) in SPARED_CALLS


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _with(node: ast.AST, **changes: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            ops = [*node.ops]
            ops[place] = COMPARISONS[type(operator)]()
            yield _with(node, ops=ops)


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        if isinstance(node, ast.BinOp) and any(_is_text(side) for side in (node.left, node.right)):
            return
        yield _with(node, op=OPERATORS[type(node.op)]())


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    """Another constant in place of one.

    Twice as much, one for zero, a hundred times as much for what is so small that it must be a
    tolerance, false for true.
    """
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int | float):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif node.value == 0:
        yield ast.Constant(type(node.value)(1))
    else:
        yield ast.Constant(node.value * (100 if 0 < abs(node.value) <= 1e-3 else 2))


def _logic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _sign(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield copy.deepcopy(node.operand)


def _jump(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Pass()


def _choice(node: ast.AST) -> Iterator[ast.AST]:
    """The other branch of a conditional expression."""
    if isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)


def _range(node: ast.AST) -> Iterator[ast.AST]:
    """One less at the end of a range, one more at its start."""
    if not (isinstance(node, ast.Call) and _called(node) in {"range", "prange"} and node.args):
        return
    stop = 0 if len(node.args) == 1 else 1
    args = [*node.args]
    args[stop] = ast.BinOp(args[stop], ast.Sub(), ast.Constant(1))
    yield _with(node, args=args)
    if stop:
        args = [ast.BinOp(node.args[0], ast.Add(), ast.Constant(1)), *node.args[1:]]
        yield _with(node, args=args)


def _slice(node: ast.AST) -> Iterator[ast.AST]:
    """One more is left out at the end of a slice, or at its start where it has no end."""
    if isinstance(node, ast.Slice) and (node.upper is not None or node.lower is not None):
        side, operator = ("upper", ast.Sub()) if node.upper is not None else ("lower", ast.Add())
        yield _with(node, **{side: ast.BinOp(getattr(node, side), operator, ast.Constant(1))})


def _opposite(node: ast.AST) -> Iterator[ast.AST]:
    name = _called(node)
    if name in SWAPS:
        assert isinstance(node, ast.Call)
        other = SWAPS[name]
        function = node.func
        new = (
            _with(function, attr=other)
            if isinstance(function, ast.Attribute)
            else ast.Name(other, ast.Load())
        )
        yield _with(node, func=new)


def _left_out(node: ast.AST) -> Iterator[ast.AST]:
    """A statement that is not carried out: a call, an update, an error that is not raised."""
    if _is_sync(node):
        return
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    is_store = isinstance(node, ast.Assign) and all(
        isinstance(t, ast.Subscript | ast.Attribute) for t in node.targets
    )
    if is_call or is_store or isinstance(node, ast.AugAssign | ast.Raise):
        yield ast.Pass()


def _sync_left_out(node: ast.AST) -> Iterator[ast.AST]:
    if _is_sync(node):
        yield ast.Pass()


def _is_sync(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and _called(node.value).lstrip("_") in SYNCING


CHANGES: tuple[tuple[str, Callable[[ast.AST], Iterator[ast.AST]]], ...] = (
    ("comparison", _comparison),
    ("arithmetic", _arithmetic),
    ("constant", _constant),
    ("and/or", _logic),
    ("sign", _sign),
    ("jump", _jump),
    ("choice", _choice),
    ("range", _range),
    ("slice", _slice),
    ("opposite", _opposite),
    ("statement left out", _left_out),
    ("sync left out", _sync_left_out),
)
"""Kind -> what a node may become."""
