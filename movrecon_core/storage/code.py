"""The code that decides a result: every definition that the function which computes it reaches by name."""

import ast
import hashlib
import importlib.util
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

_DEFINED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_PYTHON = (".py", ".pyc")
_Chain = tuple[str, ...]
_Imported = tuple[str, _Chain]
"""A module, and what is taken from it; nothing: the module itself."""


@dataclass(frozen=True)
class Code:
    """Some packages as definitions that use one another.

    A function's closure begins with the function and follows every name in it: to a function, class or constant of its
    module, through imports (those in functions, and what a package hands on, too) to one of another module, and on
    from there. Annotations are followed as well: they lead from an argument to its class. A class counts whole. What a
    module does when it is imported counts as soon as anything of it does; so do the files of other kinds beside one
    that names one of them, or asks for its own place: sources to be compiled, tables. Comments and docstrings do not
    count. Names are taken wherever they stand, a local variable like a constant's name too: the closure may be larger
    than what is used, not smaller.

    Attributes
    ----------
    packages
        Folder, or file, of each top-level package or module whose definitions count.
    apart
        What cannot change a result, or is accounted for elsewhere: modules, packages, ``module:definition``.
    members
        Classes that count member by member, ``module:class``, by the name of the variables that hold them: of
        ``study.trial(0, 1)`` only the method `trial` counts, and what that uses.
    """

    packages: Mapping[str, Path]
    apart: Collection[str] = ()
    members: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self, *functions: str) -> str:
        """Short digest of what some functions, ``module:name``, do.

        Raises
        ------
        KeyError
            If there is no such function.
        """
        text = "\n".join(f"{name}\n{code}" for name, code in sorted(self.closure(*functions).items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def closure(self, *functions: str) -> dict[str, str]:
        """Code of every definition that some functions reach, by its name, ``module:name``."""
        found: dict[str, str] = {}
        waiting = list(functions)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._definition(name).text
                waiting.extend(used for used in self._used(name) if not self._is_apart(used))
        return found

    def used_by(self, program: str) -> list[str]:
        """Definitions that a program, which is none of the packages' modules, uses by name."""
        tree = ast.parse(program)
        nodes = list(ast.walk(tree))
        imports = dict(_imports(nodes, ""))
        uses: set[str] = set()
        for chain in _chains(nodes):
            uses.update(self._members(chain, "", ""))
            if chain[0] in imports:
                where, path = imports[chain[0]]
                uses.update(self._found(where, (*path, *chain[1:])))
        return sorted(used for used in uses if not self._is_apart(used))

    def _is_apart(self, name: str) -> bool:
        module = name.partition(":")[0]
        parents = {module.rsplit(".", i)[0] for i in range(module.count(".") + 1)}
        return name in self.apart or not parents.isdisjoint(self.apart) or name in self.members.values()

    def _definition(self, name: str) -> "_Definition":
        module, _, inner = name.partition(":")
        found = self._module(module)
        if found is None:
            raise KeyError(name)
        return found.definitions[inner]

    def _used(self, name: str) -> list[str]:
        if name not in self._known_uses:
            module, _, inner = name.partition(":")
            definition = self._definition(name)
            uses = {f"{module}:{_EFFECTS}"} if inner != _EFFECTS else set()
            if definition.reads_files_beside:
                uses.add(f"{module}:{_BESIDE}")
            for chain in definition.chains:
                uses.update(self._members(chain, module, inner))
                uses.update(self._resolved(chain, module, definition.imports))
            self._known_uses[name] = sorted(uses)
        return self._known_uses[name]

    def _members(self, chain: _Chain, module: str, inner: str) -> Iterator[str]:
        """Members of the classes that count by member."""
        owner = f"{module}:{inner.split('.')[0]}"
        for holder, member in pairwise(chain):
            kind = owner if holder == "self" and owner in self.members.values() else self.members.get(holder)
            if kind is not None:
                where, _, name = kind.partition(":")
                found = self._module(where)
                if found is not None and f"{name}.{member}" in found.definitions:
                    yield f"{where}:{name}.{member}"

    def _resolved(self, chain: _Chain, module: str, inside: Mapping[str, _Imported]) -> Iterator[str]:
        """The definition that a dotted name stands for; all of a module that is used as a whole."""
        home = self._module(module)
        assert home is not None
        head, rest = chain[0], chain[1:]
        if head in inside or head in home.imports:
            where, path = inside.get(head) or home.imports[head]
            yield from self._found(where, (*path, *rest))
        elif head in home.definitions:
            yield f"{module}:{head}"

    def _found(self, where: str, path: _Chain) -> Iterator[str]:
        """What a dotted path leads to, from a module on."""
        module = self._module(where)
        if module is None or self._is_apart(where):
            return
        if not path:
            yield from (f"{where}:{name}" for name in module.definitions if "." not in name)
            return
        head, rest = path[0], path[1:]
        if head in module.definitions:
            yield f"{where}:{head}"
        elif module.imports.get(head, (where, (head,))) != (where, (head,)):
            if not self._is_apart(f"{where}:{head}"):
                further, inner = module.imports[head]
                yield from self._found(further, (*inner, *rest))
        else:
            yield from self._found(f"{where}.{head}", rest)

    def _module(self, name: str) -> "_Module | None":
        if name not in self._modules:
            file = self._file(name)
            self._modules[name] = None if file is None else _Module(name, file, self._split(name))
        return self._modules[name]

    def _file(self, name: str) -> Path | None:
        top, *inner = name.split(".")
        if top not in self.packages:
            return None
        root = self.packages[top]
        if root.is_file():
            return None if inner else root
        for file in (root.joinpath(*inner, "__init__.py"), root.joinpath(*inner).with_suffix(".py")):
            if file.is_file() and (inner or file.name == "__init__.py"):
                return file
        return None

    def _split(self, module: str) -> set[str]:
        """Classes of a module that count member by member."""
        return {name for where, _, name in (kind.partition(":") for kind in self.members.values()) if where == module}

    @cached_property
    def _modules(self) -> "dict[str, _Module | None]":
        return {}

    @cached_property
    def _known_uses(self) -> dict[str, list[str]]:
        return {}


_EFFECTS, _BESIDE = "<import>", "<files>"


class _Definition:
    """One or more statements under one name."""

    def __init__(self, statements: list[ast.stmt], package: str, folder: Path) -> None:
        self._statements, self._package, self._folder = statements, package, folder

    @cached_property
    def text(self) -> str:
        _remove_texts(self._nodes)
        return "\n".join(map(ast.unparse, self._statements))

    @cached_property
    def _nodes(self) -> list[ast.AST]:
        return [node for statement in self._statements for node in ast.walk(statement)]

    @cached_property
    def chains(self) -> set[_Chain]:
        return set(_chains(self._nodes))

    @cached_property
    def imports(self) -> dict[str, _Imported]:
        return dict(_imports(self._nodes, self._package))

    @property
    def reads_files_beside(self) -> bool:
        """Whether it asks for its own place, or has the name of a file there that is not Python's."""
        texts = {node.value for node in self._nodes if isinstance(node, ast.Constant)}
        return ("__file__",) in self.chains or not texts.isdisjoint(_names_of_others(self._folder))


class _FilesBeside(_Definition):
    """The files of other kinds than Python's in a module's folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__([], "", folder)

    @cached_property
    def text(self) -> str:
        files = _others(self._folder)
        return "\n".join(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files)


class _Module:
    """A file as definitions by name, with what its names stand for.

    Parameters
    ----------
    name
        Dotted.
    file
        Its source.
    by_member
        Classes whose members are definitions of their own, ``Class.member``.
    """

    def __init__(self, name: str, file: Path, by_member: Collection[str]) -> None:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        self.imports: dict[str, _Imported] = {}
        by_name: dict[str, list[ast.stmt]] = {_EFFECTS: []}
        for statement in tree.body:
            names = _bound(statement)
            if not names and not _is_text(statement):
                inner = list(ast.walk(statement))
                self.imports.update(_imports(inner, package))
                if not _only_names(statement):
                    by_name[_EFFECTS].append(statement)
                    names = sorted({name for part in inner if isinstance(part, ast.stmt) for name in _bound(part)})
            for bound in names:
                by_name.setdefault(bound, []).append(statement)
            if isinstance(statement, ast.ClassDef) and statement.name in by_member:
                for member in statement.body:
                    for bound in _bound(member):
                        by_name.setdefault(f"{statement.name}.{bound}", []).append(member)
        self.definitions = {bound: _Definition(found, package, file.parent) for bound, found in by_name.items()}
        self.definitions[_BESIDE] = _FilesBeside(file.parent)


@lru_cache
def _others(folder: Path) -> list[Path]:
    """Files of a folder that are not Python's."""
    return sorted(file for file in folder.iterdir() if file.is_file() and file.suffix not in _PYTHON)


@lru_cache
def _names_of_others(folder: Path) -> frozenset[str]:
    return frozenset(file.name for file in _others(folder))


def source_of(package: str) -> Path:
    """Folder, or file, of a top-level package that is imported.

    Raises
    ------
    ModuleNotFoundError
        If its source cannot be found.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        raise ModuleNotFoundError(package)
    file = Path(found.origin)
    return file.parent if file.name == "__init__.py" else file


def name_of(function: Callable[..., Any]) -> str:
    """A function or class as ``module:name``."""
    return f"{function.__module__}:{function.__qualname__.split('.')[0]}"


def _bound(statement: ast.stmt) -> list[str]:
    """Names that a statement defines by doing nothing else."""
    if isinstance(statement, _DEFINED):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return []
    flat = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    names = [part.id for part in flat if isinstance(part, ast.Name)]
    return names if len(names) == len(flat) else []


def _only_names(statement: ast.stmt) -> bool:
    """Whether a statement only imports, or imports for annotations."""
    if isinstance(statement, ast.If):
        return isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _imports(nodes: Iterable[ast.AST], package: str) -> Iterator[tuple[str, _Imported]]:
    """Names that are imported, and what they stand for."""
    for found in nodes:
        if isinstance(found, ast.Import):
            for alias in found.names:
                yield (alias.asname, (alias.name, ())) if alias.asname else (top := alias.name.split(".")[0], (top, ()))
        elif isinstance(found, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) + 1 - found.level] if found.level else []
            where = ".".join([*base, *([found.module] if found.module else [])])
            for alias in found.names:
                yield alias.asname or alias.name, (where, (alias.name,))


def _chains(nodes: Iterable[ast.AST]) -> Iterator[_Chain]:
    """Dotted names, parents first: ``a.b.c`` whole; of ``f().b.c`` what follows the call, after an empty name."""
    inner: set[ast.AST] = set()
    for found in nodes:
        if isinstance(found, ast.Attribute) and found not in inner:
            parts: list[str] = []
            base: ast.AST = found
            while isinstance(base, ast.Attribute):
                inner.add(base)
                parts.append(base.attr)
                base = base.value
            if isinstance(base, ast.Name):
                inner.add(base)
                parts.append(base.id)
            else:
                parts.append("")
            yield tuple(reversed(parts))
        elif isinstance(found, ast.Name) and found not in inner:
            yield (found.id,)
        annotation = getattr(found, "annotation", None) or getattr(found, "returns", None)  # no node has both
        if annotation is not None:
            yield from _quoted(annotation)


def _quoted(annotation: ast.AST) -> Iterator[_Chain]:
    """Names in annotations that are written as text."""
    for found in ast.walk(annotation):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            try:
                yield from _chains(ast.walk(ast.parse(found.value, mode="eval")))
            except SyntaxError:
                continue  # Literal["a text"]


def _remove_texts(nodes: Iterable[ast.AST]) -> None:
    """Take the docstrings, of attributes too, out of statements; they have no other use."""
    for found in nodes:
        body = getattr(found, "body", None)
        if isinstance(body, list):
            found.body = [inner for inner in body if not _is_text(inner)]  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
