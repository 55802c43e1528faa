"""`repair`: the permissions of shared folders."""

import grp
import json
import os
import warnings
from collections.abc import Iterable
from typing import Any, Literal, Self

from . import _check, _pwalk
from ._progress import ProgressCallback
from ._report import told, walk_arguments

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# Some 2^32 are groups; the last means "leave it".
_GID_MAX = 2**32 - 2


class Repair:
    """A plan of changes, and what became of them: what `repair` returns.

    It can't be pickled or copied: its plan (`repair(top, plan="plan.parquet")`) and its journal are
    what to keep, for `Repair.from_plan` and `Repair.from_journal`.
    """

    summary: dict[str, Any]
    """What the plan would change: `path`, `entries`, `changes`, `reasons`, `owners`, `groups`,
    `examples`, `left` (entries that are left as they are, by reason), `complete`, `seconds`. Empty
    for a plan or a journal that is read from a file."""

    applied: dict[str, Any] | None
    """What the last `apply` or `undo` did: `journal`, `changes`, `changed`, `unchanged`, `left`,
    `complete`, `seconds`. `None` until one has come to its end."""

    errors: list[OSError]
    """Entries that are not right and are left as they are, or could not be looked at, each with
    `filename` and `strerror`. `errno` is 0 where it was not the system that refused."""

    def __init__(self) -> None:
        """`repair`, `Repair.from_plan` and `Repair.from_journal` make one."""
        self.summary = {}
        self.applied = None
        self.errors = []
        self._changes: _pwalk.RepairChanges | None = None
        self._plan: str | None = None
        # The journal of the last run, and that of the changes which an undo takes back.
        self._journal: str | None = None
        self._made: str | None = None
        self._defaults: dict[str, Any] = {"journal": None, "syslog": True}
        self._written: list[str] = []
        self._limits: dict[str, Any] = {"threads": None, "max_ops": None}

    @classmethod
    def from_plan(
        cls, plan: _Path, *, max_threads: int | None = None, max_ops: int | None = None
    ) -> Self:
        """A plan that `repair` or `pwalk repair --plan` has written, to be applied.

        Args:
            plan: A Parquet, CSV, NDJSON or Arrow file. Rows may have been removed from it.
            max_threads: Number of threads that make changes; `None`: as many as there are cores.
            max_ops: Maximum number of requests per second, as a file server counts them.
        """
        self = cls()
        self._plan = _file("plan", _check.path("plan", plan))
        return self._limited(max_threads, max_ops)

    @classmethod
    def from_journal(
        cls, journal: _Path, *, max_threads: int | None = None, max_ops: int | None = None
    ) -> Self:
        """What a journal says was changed, to be taken back by `undo`.

        Args:
            journal: The journal of `apply`, of `pwalk repair --apply`, or of an undo.
            max_threads: Number of threads that make changes; `None`: as many as there are cores.
            max_ops: Maximum number of requests per second, as a file server counts them.
        """
        self = cls()
        self._journal = self._made = _file("journal", _check.path("journal", journal))
        return self._limited(max_threads, max_ops)

    def _limited(self, max_threads: Any, max_ops: Any) -> Self:
        threads = _check.threads("max_threads", max_threads)
        self._limits = {"threads": threads, **_check.gentle({"max_ops": None}, max_ops, False)}
        return self

    @property
    def changes(self) -> _pwalk.RepairChanges:
        """The changes, one row each, for anything that reads Arrow: `polars.DataFrame(r.changes)`,
        `pyarrow.table(r.changes)`. The columns are those of the plan's file.

        Raises:
            ValueError: If this was made by `from_plan` or `from_journal`: the changes are in that
                file.
        """
        if self._changes is None:
            raise ValueError("changes: they are in the file that this was made from")
        return self._changes

    @property
    def journal(self) -> str | None:
        """The journal of the last `apply` or `undo`, known before the first change is made; that
        of `from_journal`; or `None`."""
        return self._journal

    def apply(
        self,
        journal: _Path | None = None,
        *,
        syslog: bool | None = None,
        progress: Literal["bar"] | None = None,
        progress_callback: ProgressCallback | None = None,
        progress_interval: float = 1.0,
    ) -> Self:
        """Make the changes.

        An entry that is not what it was when the plan was made is left as it is. If this is
        interrupted, the journal has what was changed, and `undo` takes that back.

        Args:
            journal: A new file that `undo` reads; `None`: the one that `repair` was given, or
                `repair-DATE-TIME.journal` in the working directory.
            syslog: Write a line to the system's log for each change; `None`: as `repair` was told.
            progress: `'bar'` draws a bar, as for `repair`.
            progress_callback: Called with a `Progress`; `files` counts changes. An exception in it
                ends the changes and is raised here.
            progress_interval: Minimum number of seconds between two calls.

        Raises:
            ValueError: If the changes were made already, or for a journal.
            OSError: If the plan can't be read, or the journal can't be written.
        """
        if self._made is not None:
            raise ValueError("apply: the changes were made already; undo takes them back")
        what = {"changes": self._changes, "plan": self._plan}
        if what == {"changes": None, "plan": None}:
            raise ValueError("apply: there is no plan")
        return self._make(
            what, True, journal, syslog, progress, progress_callback, progress_interval
        )

    def undo(
        self,
        journal: _Path | None = None,
        *,
        syslog: bool | None = None,
        progress: Literal["bar"] | None = None,
        progress_callback: ProgressCallback | None = None,
        progress_interval: float = 1.0,
    ) -> Self:
        """Take back what `apply` has changed, or what the journal of `from_journal` says.

        An entry whose mode or group was changed since is left as it is. What was taken back
        already is not touched again.

        Args:
            journal: A new file for the journal of the undo itself; `None`:
                `repair-DATE-TIME.journal` in the working directory.
            syslog: Write a line to the system's log for each change; `None`: as `repair` was told.
            progress: `'bar'` draws a bar, as for `repair`.
            progress_callback: Called with a `Progress`; `files` counts changes. An exception in it
                ends the undo and is raised here.
            progress_interval: Minimum number of seconds between two calls.

        Raises:
            ValueError: If nothing was changed.
            OSError: If the journal can't be read, or the new one can't be written.
        """
        if self._made is None:
            raise ValueError("undo: nothing was changed")
        what = {"undo": self._made}
        return self._make(
            what, False, journal, syslog, progress, progress_callback, progress_interval
        )

    def _make(
        self,
        what: dict[str, Any],
        is_apply: bool,
        journal: Any,
        syslog: Any,
        progress: Any,
        progress_callback: Any,
        progress_interval: Any,
    ) -> Self:
        if journal is None and is_apply:
            journal = self._defaults["journal"]
        if syslog is None:
            syslog = self._defaults["syslog"]
        how = {
            **self._limits,
            "written": self._written,
            "journal": _file("journal", journal),
            "syslog": _check.switch("syslog", syslog),
        }
        callback, interval, bar = told(progress, progress_callback, progress_interval)
        job = _pwalk.prepare_repair(how, **what)
        # Known before the first change, for whoever is interrupted.
        self._begin(_file("journal", job.journal), is_apply)
        try:
            applied, errors, notes = job.run(callback=callback, interval=interval)
        except BaseException as error:
            if os.path.exists(self._journal or ""):
                error.add_note(f"what was changed is in the journal: {self._journal!r}")
            else:
                self._begin(None, is_apply)
            raise
        finally:
            if bar is not None:
                bar.close()
        return self._done(json.loads(applied), errors, notes, is_apply)

    def _begin(self, journal: str | None, is_apply: bool) -> None:
        self._journal = journal
        if is_apply:
            self._made = journal

    def _done(
        self, applied: dict[str, Any], errors: list[OSError], notes: list[str], is_apply: bool
    ) -> Self:
        if applied["journal"] is None:
            self._begin(None, is_apply)
        applied["journal"] = self._journal
        self.applied = applied
        self.errors = self.errors + errors
        for note in notes:
            warnings.warn(note, RuntimeWarning, stacklevel=4)
        return self

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Repair can't be pickled or copied: keep its plan (plan=FILE) and its journal"
        )

    def __repr__(self) -> str:
        return f"Repair({', '.join(f'{name}={value!r}' for name, value in self._facts().items())})"

    def _repr_html_(self) -> str:
        from . import _html

        return _html.facts("Repair", self._facts() | _html.of_errors(self.errors))

    def _facts(self) -> dict[str, object]:
        """What there is to know, in short."""
        found: dict[str, object] = {}
        if self.summary:
            found |= {"path": self.summary["path"], "changes": self.summary["changes"]}
        elif self._plan is not None:
            found["plan"] = self._plan
        if self.applied is not None:
            found["changed"] = self.applied["changed"]
        if self._journal is not None:
            found["journal"] = self._journal
        return found | {"errors": len(self.errors)}


def repair(
    top: _Path,
    dry_run: bool = True,
    change_gids: Iterable[int | str] | None = None,
    force_group_writable: bool = False,
    exclude: str | Iterable[str] | None = None,
    max_threads: int | None = None,
    *,
    plan: _Path | None = None,
    journal: _Path | None = None,
    group: int | str | None = None,
    acl: bool = False,
    hard_links: bool = False,
    cross_filesystems: bool = False,
    syslog: bool = True,
    ignore_snapshots: bool = True,
    where: str | None = None,
    max_depth: int | None = None,
    max_ops: int | None = None,
    timeout: int | None = None,
    nice: bool = False,
    progress: Literal["bar"] | None = None,
    progress_callback: ProgressCallback | None = None,
    progress_interval: float = 1.0,
) -> Repair:
    """Repair the permissions of a shared folder: a plan, unless `dry_run` is false.

    What is changed, and what never is, is in `docs/repair.md`.

    Args:
        top: The folder. The system's own folders are refused.
        dry_run: Only plan. `Repair.apply` makes the changes later.
        change_gids: Groups to replace, as numbers or names, besides root's and those whose number
            is that of the owner.
        force_group_writable: The group may write, too.
        exclude: Patterns of entries to leave out, as in gitignore; full paths below `top` work
            too.
        max_threads: Number of worker threads; `None`: adapted to the filesystem during the walk.
        plan: Write the plan to this file, too; its suffix selects the format (`.parquet`, `.csv`,
            `.ndjson`, `.arrow`).
        journal: A new file for the journal, which `Repair.undo` reads; `None`:
            `repair-DATE-TIME.journal` in the working directory.
        group: The group that entries get whose group is replaced, as number or name; `None`: that
            of the nearest directory above that has a good one.
        acl: Adjust POSIX access control lists: the entry of the owning group, and the mask.
        hard_links: Also change files that have hard links outside of `top`.
        cross_filesystems: Also enter other filesystems below `top`.
        syslog: Write a line to the system's log for each change.
        ignore_snapshots: Don't enter directories named `.snapshot`, `.snapshots`, `~snapshot`
            and `.zfs`.
        where: A condition that entries must fulfil, as `user = anna and mtime > -30d`.
        max_depth: Maximum number of levels below `top`; 0 is `top` alone.
        max_ops: Maximum number of requests per second, as a file server counts them, without bursts.
        timeout: Give up requests of the walk that are not answered within this many seconds.
        nice: Give way to other processes: lowest CPU and I/O priority.
        progress: `'bar'` draws a bar with tqdm, in terminals and notebooks, or without tqdm a line
            on standard error.
        progress_callback: Called with a `Progress`, also if there is a bar: while the plan is made,
            and again while it is applied, where `files` counts changes. An exception in it ends
            what is under way and is raised here; if that is the changes, a note of it names the
            journal.
        progress_interval: Minimum number of seconds between two calls.

    Raises:
        TypeError, ValueError: For an invalid argument; the message names it.
        FileNotFoundError: If `top` is missing.
        OSError: If `top` is not accessible, or the plan or the journal can't be written.
    """
    arguments = walk_arguments(
        {},
        top,
        max_threads,
        ignore_snapshots=ignore_snapshots,
        exclude=exclude,
        where=where,
        one_file_system=not _check.switch("cross_filesystems", cross_filesystems),
        max_depth=max_depth,
        max_ops=max_ops,
        timeout=timeout,
        nice=nice,
    )
    rules: dict[str, Any] = {
        "change_gids": _groups("change_gids", change_gids),
        "group": None if group is None else _group("group", group),
        "group_writable": _check.switch("force_group_writable", force_group_writable),
        "acl": _check.switch("acl", acl),
        "hard_links": _check.switch("hard_links", hard_links),
        "plan": _file("plan", plan),
        "journal": _file("journal", journal),
        "dry_run": _check.switch("dry_run", dry_run),
    }
    found = Repair()
    found._limits = {"threads": arguments["threads"], "max_ops": max_ops}
    found._defaults = {"journal": rules["journal"], "syslog": _check.switch("syslog", syslog)}
    found._written = [rules["plan"]] if plan is not None else []
    callback, interval, bar = told(progress, progress_callback, progress_interval)
    try:
        found._changes, summary, found.errors = _pwalk.plan_repair(
            arguments, rules, callback=callback, interval=interval
        )
    finally:
        if bar is not None:
            bar.close()
    found.summary = json.loads(summary)
    if not dry_run:
        found.apply(
            progress=progress,
            progress_callback=progress_callback,
            progress_interval=progress_interval,
        )
    return found


def _file(name: str, value: Any) -> str | None:
    """A path that stays true if the working directory changes."""
    return None if value is None else os.path.join(os.getcwd(), _check.path(name, value))


def _groups(name: str, values: Any) -> list[int]:
    if values is None:
        return []
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: must be numbers or names of groups, not {type(values).__name__}")
    return [_group(name, value) for value in values]


def _group(name: str, value: Any) -> int:
    """The number of a group. A number is taken as it is, a name must be known."""
    if not isinstance(value, str):
        return _check.integer(name, value, 0, _GID_MAX)
    try:
        return grp.getgrnam(value).gr_gid
    except (KeyError, ValueError):
        raise ValueError(f"{name}: no such group: {value!r}") from None
