"""The guide's examples run, and the reference says what the docstrings say.

`PWALK_BLESS=1` writes the reference.
"""

import ast
import inspect
import os
import re
import textwrap
import typing
from pathlib import Path

import pwalk
import pytest

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (DOCS / "python.md").read_text(), re.M | re.S)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The tree that the guide speaks of, in the working directory."""
    for folder in ["data/a/b", "data/.git", "data/build"]:
        (tmp_path / folder).mkdir(parents=True)
    for name in ["data/1.txt", "data/a/2.csv", "data/a/b/3.tmp", "data/.git/config"]:
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)


def test_the_examples_of_the_guide_run_one_after_the_other(data, capsys):
    assert len(EXAMPLES) >= 10
    names = {}
    for example in EXAMPLES:
        exec(compile(example, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "1.txt" in printed and "files/s" in printed


def _signature(thing):
    """The signature as it is written, with parameters on lines of their own where it is long."""
    node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    end = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    text = f"({ast.unparse(node.args)}){end}"
    if len(text) < 80:
        return text
    parameters = re.split(r", (?![^\[(]*[\])])", ast.unparse(node.args))
    return "(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + ")" + end


def _document(thing):
    return inspect.cleandoc(thing.__doc__ or "")


def _field_documents(kind):
    """The strings that stand below the fields of a class."""
    source = inspect.getsource(kind)
    pairs = re.findall(r'^    (\w+): [^\n]+\n    """(.*?)"""', source, re.M | re.S)
    return {name: " ".join(text.split()) for name, text in pairs}


def _is_for_users(member):
    """Is it called, or is it what an operator calls?"""
    return not member.startswith("_") or member in OPERATORS


OPERATORS = ("__contains__", "__getitem__", "__iter__", "__len__")

# Classes of the native part, whose members are documented in its stub.
NATIVE = (pwalk.Batch, pwalk.Column, pwalk.RepairChanges)


def _members_in_stub(name):
    """A heading for each member of a native class, and what the stub says about it."""
    stub = ast.parse(Path(pwalk.__file__).with_name("_pwalk.pyi").read_text())
    (kind,) = [node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == name]
    for member in kind.body:
        if not isinstance(member, ast.FunctionDef) or not _is_for_users(member.name):
            continue
        yield f"### `{name}.{member.name}`\n"
        if not member.decorator_list:
            returns = ast.unparse(member.returns)
            yield f"```python\n{member.name}({ast.unparse(member.args)}) -> {returns}\n```\n"
        yield f"{ast.get_docstring(member)}\n"


def _reference():
    yield "# Reference of the Python package\n"
    yield "Made from the docstrings, by `PWALK_BLESS=1` and `tests/python/api/test_docs.py`.\n"
    for name in sorted(pwalk.__all__, key=str.lower):
        thing = getattr(pwalk, name)
        if inspect.isfunction(thing):
            yield f"## `{name}`\n\n```python\n{name}{_signature(thing)}\n```\n\n{_document(thing)}\n"
        elif inspect.isclass(thing):
            yield f"## `{name}`\n\n{_document(thing)}\n"
            try:
                fields = _field_documents(thing)
            except (OSError, TypeError):
                fields = {}  # of the native part
            hints = {}
            if fields:
                hints = {field: str(hint) for field, hint in thing.__annotations__.items()}
            for field, text in fields.items():
                hint = hints.get(field, "").replace("<class '", "").replace("'>", "")
                default = getattr(thing, field, None)
                is_plain = isinstance(default, bool | int) or default is None
                value = f" = {default}" if hasattr(thing, field) and is_plain else ""
                yield f"* `{field}: {hint}{value}`: {text}"
            if fields:
                yield ""
            for method, member in vars(thing).items():
                if not _is_for_users(method):
                    continue
                member = getattr(member, "__func__", member)  # of a class method
                if inspect.isfunction(member):
                    yield f"### `{name}.{method}`\n\n```python\n{method}{_signature(member)}\n```\n"
                    yield f"{_document(member)}\n"
                elif isinstance(member, property):
                    yield f"### `{name}.{method}`\n\n{_document(member)}\n"
            if thing in NATIVE:
                yield from _members_in_stub(name)


def test_the_reference_says_what_the_docstrings_say():
    text = "\n".join(_reference()).rstrip() + "\n"
    path = DOCS / "python-api.md"
    if os.environ.get("PWALK_BLESS"):
        path.write_text(text)
    assert path.read_text() == text


def test_the_members_of_native_classes_are_documented():
    for kind in NATIVE:
        stubbed = "".join(_members_in_stub(kind.__name__))
        for name, member in vars(kind).items():
            if not name.startswith("_"):
                assert _document(member), f"{kind.__name__}.{name}"
                assert f"{kind.__name__}.{name}`" in stubbed


def test_everything_public_is_documented():
    for name in pwalk.__all__:
        thing = getattr(pwalk, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert _document(thing), name
    assert typing.get_type_hints(pwalk.Config)["use_statx"] is bool
