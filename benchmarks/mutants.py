"""Mutants of Python programs: one small change each, drawn by a seed, as programmers make mistakes."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Change = tuple[str, ast.AST]

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_COMPUTED: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_CALLED = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sum": "len",
    "upper": "lower",
    "lower": "upper",
    "append": "extend",
}
_UNWRAPPED = ("abs", "sorted", "reversed", "set", "int", "list", "round", "str")
_DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Break, ast.Continue, ast.Delete)


@dataclass(frozen=True, slots=True)
class Mutant:
    """change: what was done, e.g. `line 3: Lt becomes LtE`."""

    source: str
    change: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule must know of the whole program, by the id of a node. fixed: texts that are no values (docstrings) or
    no nodes of their own (parts of f-strings). names: of the function that a `return` is in."""

    fixed: frozenset[int]
    names: dict[int, list[str]]


def mutants(source: str, count: int, seed: str, within: str | None = None) -> list[Mutant]:
    """Up to `count` different mutants, of as many kinds of change as there are. within: only in the function of this
    name at the top level (the last that has it)."""
    tree = ast.parse(source)
    kinds = _changes(tree, _function(tree, within) if within else tree)
    draw = random.Random(seed)
    found = {ast.unparse(tree): Mutant(source, "none")}
    while kinds and len(found) <= count:
        for kind in draw.sample(sorted(kinds), len(kinds)):
            node, what, replacement = kinds[kind].pop(draw.randrange(len(kinds[kind])))
            if not kinds[kind]:
                del kinds[kind]
            made = _replaced(tree, node, replacement)
            if made not in found and len(found) <= count and _compiles(made):
                found[made] = Mutant(made, f"line {getattr(node, 'lineno', 0)}: {what}")
    return list(found.values())[1:]


def _changes(tree: ast.Module, part: ast.AST) -> dict[str, list[tuple[ast.AST, str, ast.AST]]]:
    """By rule: a node of `part`, what is done to it, and what stands in its place."""
    context = Context(_fixed(tree), _names(tree))
    found: dict[str, list[tuple[ast.AST, str, ast.AST]]] = {}
    for node in ast.walk(part):
        for rule in RULES:
            for what, replacement in rule(node, context):
                found.setdefault(rule.__name__, []).append((node, what, replacement))
    return found


def _fixed(tree: ast.Module) -> frozenset[int]:
    found = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return frozenset(found | {id(p) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for p in node.values})


def _names(tree: ast.Module) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for function in ast.walk(tree):  # outer ones first, so that the innermost counts
        if isinstance(function, ast.FunctionDef):
            inside = list(ast.walk(function))
            names = {item.id for item in inside if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
            names |= {argument.arg for argument in function.args.args}
            found |= {id(item): sorted(names - {"self"}) for item in inside if isinstance(item, ast.Return)}
    return found


def _function(tree: ast.Module, name: str) -> ast.AST:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name][-1]


def _replaced(tree: ast.Module, node: ast.AST, replacement: ast.AST) -> str:
    memo: dict[int, object] = {}
    copied = copy.deepcopy(tree, memo)
    mine = memo[id(node)]

    class Replace(ast.NodeTransformer):
        def visit(self, item: ast.AST) -> ast.AST:
            return replacement if item is mine else self.generic_visit(item)

    return ast.unparse(ast.fix_missing_locations(Replace().visit(copied)))


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def comparison(node: ast.AST, _: Context) -> Iterator[Change]:
    if not isinstance(node, ast.Compare):
        return
    for i, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            changed = [*node.ops[:i], other(), *node.ops[i + 1 :]]
            yield (
                f"{type(operator).__name__} becomes {other.__name__}",
                ast.Compare(node.left, changed, node.comparators),
            )


def arithmetic(node: ast.AST, _: Context) -> Iterator[Change]:
    if not isinstance(node, ast.BinOp | ast.AugAssign):
        return
    for other in _COMPUTED.get(type(node.op), ()):
        what = f"{type(node.op).__name__} becomes {other.__name__}"
        if isinstance(node, ast.BinOp):
            yield what, ast.BinOp(node.left, other(), node.right)
        else:
            yield what, ast.AugAssign(node.target, other(), node.value)


def logic(node: ast.AST, _: Context) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{type(node.op).__name__} becomes {type(other).__name__}", ast.BoolOp(other, node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"{type(node.op).__name__} is dropped", node.operand


def constant(node: ast.AST, context: Context) -> Iterator[Change]:
    if not isinstance(node, ast.Constant) or id(node) in context.fixed:
        return
    value = node.value
    if isinstance(value, bool):
        yield f"{value} becomes {not value}", ast.Constant(not value)
    elif isinstance(value, int | float):
        yield f"{value} becomes {value + 1}", ast.Constant(value + 1)
        yield f"{value} becomes {value - 1}", ast.Constant(value - 1)
    elif isinstance(value, str):
        yield f"{value!r:.20} becomes longer", ast.Constant(value + "x")
        if value:
            yield f"{value!r:.20} becomes shorter", ast.Constant(value[1:])


def off_by_one(node: ast.AST, _: Context) -> Iterator[Change]:
    if isinstance(node, ast.Slice):
        yield "a slice begins later", ast.Slice(_plus(node.lower or ast.Constant(0), 1), node.upper, node.step)
        if node.upper is not None:
            yield "a slice ends earlier", ast.Slice(node.lower, _plus(node.upper, -1), node.step)
    elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Tuple | ast.Name):
        yield "an index is one more", ast.Subscript(node.value, _plus(node.slice, 1), node.ctx)
    elif isinstance(node, ast.Call) and _name(node) == "range" and node.args:
        end = min(len(node.args) - 1, 1)
        for amount, what in ((1, "later"), (-1, "earlier")):
            arguments = [_plus(item, amount) if i == end else item for i, item in enumerate(node.args)]
            yield f"a range ends {what}", ast.Call(node.func, arguments, node.keywords)


def _plus(node: ast.expr, amount: int) -> ast.expr:
    return ast.BinOp(node, ast.Add() if amount > 0 else ast.Sub(), ast.Constant(abs(amount)))


def dropped(node: ast.AST, context: Context) -> Iterator[Change]:
    if isinstance(node, _DROPPED) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield f"`{ast.unparse(node):.40}` is dropped", ast.Pass()


def branches(node: ast.AST, _: Context) -> Iterator[Change]:
    if isinstance(node, ast.If) and node.orelse:
        yield "branches are swapped", ast.If(node.test, node.orelse, node.body)
    elif isinstance(node, ast.If | ast.While):
        yield "a condition is negated", type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.IfExp):
        yield "branches are swapped", ast.IfExp(node.test, node.orelse, node.body)


def returned(node: ast.AST, context: Context) -> Iterator[Change]:
    if isinstance(node, ast.Return) and node.value is not None:
        for name in context.names.get(id(node), []):
            yield f"returns {name}", ast.Return(ast.Name(name, ast.Load()))


def called(node: ast.AST, _: Context) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    name = _name(node)
    if name in _CALLED:
        yield f"{name} becomes {_CALLED[name]}", ast.Call(_renamed(node.func, _CALLED[name]), node.args, node.keywords)
    if name in _UNWRAPPED and isinstance(node.func, ast.Name) and len(node.args) == 1:
        yield f"{name} is dropped", node.args[0]
    kept = [keyword for keyword in node.keywords if keyword.arg not in ("reverse", "key")]
    if len(kept) < len(node.keywords):
        yield f"{name} loses its order", ast.Call(node.func, node.args, kept)


def _name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, ast.Load())
    return ast.Name(name, ast.Load())


RULES: tuple[Callable[[ast.AST, Context], Iterator[Change]], ...] = (
    comparison,
    arithmetic,
    logic,
    constant,
    off_by_one,
    dropped,
    branches,
    returned,
    called,
)
