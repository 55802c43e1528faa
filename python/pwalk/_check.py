"""Checks arguments: an invalid one raises an error that names it."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from . import _pwalk

_SETTINGS = {name: (default, low, high) for name, default, low, high in _pwalk.settings()}


def switch(name: str, value: Any) -> bool:
    """A `bool`, and nothing that only looks like one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: must be True or False, not {_kind(value)}")
    return value


def integer(name: str, value: Any, low: int, high: int) -> int:
    """An `int` within bounds."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{name}: must be an integer, not {_kind(value)}")
    number: int = value.__index__()
    if not low <= number <= high:
        raise ValueError(f"{name}: must be from {low} to {high}, not {number}")
    return number


def setting(name: str, value: Any) -> bool | int | None:
    """A value that the setting takes; `None` where the walk finds one by itself."""
    default, low, high = _SETTINGS[name]
    if low is None or high is None:
        return switch(name, value)
    if value is None and default is None:
        return None
    return integer(name, value, low, high)


def threads(name: str, value: Any) -> int | None:
    """A number of threads, or `None` for as many as suit the filesystem and the cores."""
    _, low, high = _SETTINGS["max_threads"]
    assert low is not None and high is not None
    return None if value is None else integer(name, value, low, high)


def gentle(
    settings: Mapping[str, bool | int | None], max_ops: Any, nice: Any
) -> dict[str, bool | int | None]:
    """Settings, with the two that keep a walk from getting in others' way if they are given."""
    settings = dict(settings)
    if max_ops is not None:
        settings["max_ops"] = setting("max_ops", max_ops)
    if switch("nice", nice):
        settings["nice"] = True
    return settings


def depth(value: Any) -> int | None:
    """A maximum depth; 0 is the root alone."""
    return None if value is None else integer("max_depth", value, 0, 2**32 - 1)


def interval(name: str, value: Any) -> float:
    """A positive number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: must be a number of seconds, not {_kind(value)}")
    if not value > 0:
        raise ValueError(f"{name}: must be more than 0 seconds, not {value}")
    return float(value)


def callback(name: str, value: Any) -> Any:
    """Something to call, or `None`."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: must be callable, not {_kind(value)}")
    return value


def path(name: str, value: Any) -> str:
    """A path, as `str`; bytes are decoded as the filesystem's."""
    try:
        text = os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{name}: must be a path, not {_kind(value)}") from None
    if not text:
        raise ValueError(f"{name}: must not be empty")
    if "\0" in text:
        raise ValueError(f"{name}: must not contain a null character")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError(f"{name}: {text!r} has characters that no path can have") from None
    return text


def texts(name: str, value: Any) -> list[str]:
    """Strings: one, or several."""
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise TypeError(f"{name}: must be a string or an iterable of strings, not {_kind(value)}")
    found = list(value)
    for text in found:
        if not isinstance(text, str):
            raise TypeError(f"{name}: must contain strings only, not {_kind(text)}")
        _in_utf8(name, text)
    return found


def condition(name: str, value: Any) -> str | None:
    """A condition on entries, which the native part reads."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a string, as 'size > 1G', not {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        # Where names come from `os.listdir`, say: each such byte is a surrogate.
        hint = r'write such bytes as "\xff", in double quotes within the condition'
        raise ValueError(f"{name}: must be valid UTF-8, not {value!r}: {hint}") from None
    return value


def keywords(function: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Keyword arguments that a function takes."""
    known = list(known)
    for name in given:
        if name not in known:
            hint = _pwalk.did_you_mean(name, known)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{hint}")


def _in_utf8(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: must be valid UTF-8, not {text!r}") from None


def columns(value: Any) -> str | None:
    """Names of columns, as the native part takes them."""
    if value is None:
        return None
    names = texts("columns", value)
    if not any(name.strip() for name in names):
        raise ValueError("columns: must name at least one column")
    return ",".join(names)


def choice(name: str, value: Any, known: Iterable[str]) -> str:
    """One of several words."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a string, not {_kind(value)}")
    known = list(known)
    if value not in known:
        raise ValueError(f"{name}: must be one of {', '.join(known)}, not {value!r}")
    return value


def _kind(value: Any) -> str:
    return type(value).__name__
