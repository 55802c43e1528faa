"""`repair`: plans, changes, their undo, and who is told of what."""

import copy
import inspect
import json
import os
import pickle
import signal
import threading
from pathlib import Path

import duckdb
import pandas
import polars
import pwalk
import pyarrow
import pyarrow.parquet
import pytest

from api.process import USER, nothing_is_left, ordinary_user, python, run

SHARED = 400
OWNER = 100

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives groups away")


def _make(path, mode, gid):
    """An entry with these permissions; one whose name has no dot is a folder."""
    if path.suffix:
        path.write_bytes(b"content")
    else:
        path.mkdir()
    if os.geteuid() == 0:
        os.chown(path, OWNER, gid)
    path.chmod(mode)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A shared folder with 3 entries that need repair; the working directory is above it."""
    monkeypatch.chdir(tmp_path)
    top = tmp_path / "shared"
    _make(top, 0o2770, SHARED)
    _make(top / "dir", 0o700, OWNER)
    _make(top / "dir" / "a.txt", 0o600, OWNER)
    _make(top / "dir" / "b.txt", 0o640, 0)
    _make(top / "right.txt", 0o640, SHARED)
    return top


def _rights(top):
    """Mode, group and ctime of everything."""
    paths = [top, *top.rglob("*")]
    found = {path: path.lstat() for path in paths}
    return {path: (s.st_mode & 0o7777, s.st_gid) for path, s in found.items()}


def _repair(top, *arguments, **options):
    return pwalk.repair(top, *arguments, syslog=False, **options)


def test_the_first_arguments_are_those_of_python_pwalk():
    signature = inspect.signature(pwalk.repair)
    found = [
        (p.name, p.default)
        for p in signature.parameters.values()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert found == [
        ("top", inspect.Parameter.empty),
        ("dry_run", True),
        ("change_gids", None),
        ("force_group_writable", False),
        ("exclude", None),
        ("max_threads", None),
    ]
    keywords = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert keywords[:3] == ["plan", "journal", "group"]


@root
def test_a_dry_run_is_the_default_and_changes_nothing(shared):
    before = _rights(shared)
    found = _repair(shared)
    assert _rights(shared) == before and os.listdir() == ["shared"]
    assert (found.applied, found.journal, found.errors) == (None, None, [])
    assert (found.summary["entries"], found.summary["changes"]) == (5, 3)
    assert found.summary["reasons"] == {"group": 3, "read": 2, "setgid": 1}
    assert found.summary["path"] == str(shared)
    assert found.summary["complete"] is True
    assert repr(found) == f"Repair(path={str(shared)!r}, changes=3, errors=0)"
    html = found._repr_html_()
    assert html.startswith("<table>") and "<bdi>3</bdi>" in html


@root
@pytest.mark.parametrize("kind", ["str", "bytes", "path"])
def test_it_is_applied_and_taken_back(shared, kind):
    before = _rights(shared)
    top = {"str": str(shared), "bytes": os.fsencode(shared), "path": shared}[kind]
    done = _repair(top, False)
    after = _rights(shared)
    assert after[shared / "dir"] == (0o2750, SHARED)
    assert after[shared / "dir" / "a.txt"] == (0o640, SHARED)
    assert after[shared / "dir" / "b.txt"] == (0o640, SHARED)
    applied = {name: done.applied[name] for name in ["changes", "changed", "unchanged", "left"]}
    assert applied == {"changes": 3, "changed": 3, "unchanged": 0, "left": {}}
    assert done.journal == done.applied["journal"] and os.path.isabs(done.journal)
    assert Path(done.journal).parent == shared.parent and "repair-" in done.journal
    assert _repair(shared).summary["changes"] == 0
    with pytest.raises(ValueError, match="apply: the changes were made already"):
        done.apply()
    assert done.undo() is done
    assert _rights(shared) == before
    # Once more is harmless.
    assert done.undo().applied["unchanged"] == 3
    assert done.journal is None
    assert _rights(shared) == before


@root
def test_a_plan_is_applied_later_and_each_journal_has_its_name(shared):
    before = _rights(shared)
    found = _repair(shared, journal="first.journal")
    assert not Path("first.journal").exists()
    os.chdir(shared)
    found.apply()
    assert found.journal == str(shared.parent / "first.journal")
    found.undo("second.journal")
    assert found.journal == str(shared / "second.journal")
    os.chdir(shared.parent)
    (shared / "second.journal").unlink()
    assert _rights(shared) == before


@root
def test_a_journal_is_taken_back_by_whoever_has_its_name(shared):
    before = _rights(shared)
    journal = _repair(shared, False, journal="j").journal
    again = pwalk.Repair.from_journal(b"j", max_threads=1, max_ops=100_000)
    assert again.journal == journal and repr(again) == f"Repair(journal={journal!r}, errors=0)"
    with pytest.raises(ValueError, match="changes: they are in the file"):
        again.changes  # noqa: B018
    with pytest.raises(ValueError, match="apply: "):
        again.apply()
    again.undo(syslog=False)
    assert _rights(shared) == before


@root
def test_readers_of_arrow_read_the_changes(shared):
    changes = _repair(shared).changes
    assert len(changes) == 3
    assert changes.column_names == list(changes.schema)
    table = pyarrow.table(changes)
    assert table.column_names == changes.column_names
    assert table.schema.equals(pyarrow.schema(changes))
    # The same memory, each time.
    again = pyarrow.table(changes)
    for name in ["path", "inode", "new_gid"]:
        for one, other in zip(table[name].chunks, again[name].chunks, strict=True):
            assert one.buffers()[-1].address == other.buffers()[-1].address
    paths = {str(shared / "dir"), str(shared / "dir" / "a.txt"), str(shared / "dir" / "b.txt")}
    assert set(table["path"].to_pylist()) == paths
    frame = polars.DataFrame(changes)
    assert frame.filter(polars.col("kind") == "dir")["new_mode"].to_list() == ["2750"]
    assert set(frame["new_gid"]) == {SHARED}
    from_arrow = getattr(pandas.DataFrame, "from_arrow", None)  # pandas 3
    table_of = from_arrow or (lambda changes: pyarrow.table(changes).to_pandas())
    assert set(table_of(changes)["path"]) == paths
    assert duckdb.sql("SELECT count(*), sum(inode) > 0 FROM changes").fetchall() == [(3, True)]


@root
@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson", "arrow"])
def test_a_plan_in_a_file_is_the_plan(shared, suffix):
    before = _rights(shared)
    plan = f"plan.{suffix}"
    found = _repair(shared, plan=plan)
    if suffix == "parquet":
        assert pyarrow.parquet.read_table(plan).equals(pyarrow.table(found.changes))
    done = pwalk.Repair.from_plan(plan)
    assert repr(done) == f"Repair(plan={str(shared.parent / plan)!r}, errors=0)"
    with pytest.raises(ValueError, match="undo: nothing was changed"):
        done.undo()
    assert done.apply(syslog=False).applied["changed"] == 3
    assert done.undo(syslog=False).applied["changed"] == 3
    assert _rights(shared) == before


def _by_duckdb(plan, suffix):
    how = {"parquet": "FORMAT parquet", "csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json"}
    query = f"SELECT * FROM '{plan}' WHERE reason LIKE '%read%' AND kind = 'file'"
    duckdb.sql(f"COPY ({query}) TO 'some.{suffix}' ({how[suffix]})")


def _by_polars(plan, suffix):
    read = {"parquet": polars.read_parquet, "csv": polars.read_csv, "ndjson": polars.read_ndjson}
    frame = read[suffix](plan)
    some = frame.filter(polars.col("reason").str.contains("read") & (polars.col("kind") == "file"))
    getattr(some, f"write_{suffix}")(f"some.{suffix}")


@root
@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
@pytest.mark.parametrize("filtered", [_by_duckdb, _by_polars])
def test_a_filtered_plan_is_applied(shared, suffix, filtered):
    _make(shared / "dir" / os.fsdecode(b"caf\xe9.txt"), 0o600, OWNER)
    before = _rights(shared)
    _repair(shared, plan=f"plan.{suffix}")
    filtered(f"plan.{suffix}", suffix)
    done = pwalk.Repair.from_plan(f"some.{suffix}").apply(syslog=False)
    assert (done.applied["changed"], done.errors) == (2, [])
    after = _rights(shared)
    changed = {path.name for path in after if after[path] != before[path]}
    assert changed == {"a.txt", os.fsdecode(b"caf\xe9.txt")}
    done.undo(syslog=False)
    assert _rights(shared) == before


@root
def test_a_row_that_asks_for_more_is_refused(shared):
    before = _rights(shared)
    _repair(shared, plan="plan.parquet")
    plan = polars.read_parquet("plan.parquet")
    plan.with_columns(new_mode=polars.lit("4777")).write_parquet("evil.parquet")
    with pytest.raises(OSError, match="does not change the mode"):
        pwalk.Repair.from_plan("evil.parquet").apply(syslog=False)
    plan.drop("inode").write_parquet("less.parquet")
    with pytest.raises(OSError, match="no column inode, so it is not a plan"):
        pwalk.Repair.from_plan("less.parquet").apply()
    with pytest.raises(FileNotFoundError):
        pwalk.Repair.from_plan("missing.csv").apply()
    assert _rights(shared) == before and not list(Path().glob("*.journal"))


@root
def test_what_is_left_is_an_error_with_its_exact_name(shared):
    name = b"set\xff\x1b.id"
    suid = os.path.join(os.fsencode(shared), name)
    Path(os.fsdecode(suid)).touch()
    os.chown(suid, OWNER, OWNER)
    os.chmod(suid, 0o4700)
    found = _repair(shared)
    (error,) = found.errors
    assert type(error) is OSError and error.errno == 0
    assert os.fsencode(error.filename) == suid
    assert error.strerror == "is a file with setuid or setgid"
    assert found.summary["left"] == {"setuid": 1} and not found.summary["complete"]
    (shared / "dir" / "a.txt").unlink()
    (shared / "dir" / "b.txt").chmod(0o600)
    found.apply()
    assert found.applied["left"] == {"changed_since": 2, "vanished": 1}
    assert [error.strerror for error in found.errors[1:]].count("has changed since") == 2
    assert "\udcff\\x1b" in found._repr_html_() or "udcff" in found._repr_html_()


@root
def test_groups_are_numbers_or_names(shared):
    import grp

    name = grp.getgrgid(1).gr_name
    for group in [1, name]:
        assert _repair(shared, group=group).summary["groups"][0]["id"] == 1
    found = _repair(shared, True, [SHARED], True, group=77_777_777)
    assert found.summary["changes"] == 5
    assert found.summary["reasons"]["write"] == 4
    assert _repair(shared, change_gids=(name, 5)).summary["changes"] == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dry_run": 1}, TypeError, "dry_run: must be True or False"),
        ({"dry_run": "no"}, TypeError, "dry_run: "),
        ({"change_gids": 5}, TypeError, "change_gids: must be numbers or names of groups, not int"),
        ({"change_gids": "users"}, TypeError, "change_gids: "),
        ({"change_gids": [-1]}, ValueError, "change_gids: must be from 0"),
        ({"change_gids": [2**32 - 1]}, ValueError, "change_gids: "),
        ({"change_gids": ["no such group"]}, ValueError, "change_gids: no such group: 'no such"),
        ({"change_gids": [1.5]}, TypeError, "change_gids: "),
        ({"change_gids": [True]}, TypeError, "change_gids: "),
        ({"group": "no such group"}, ValueError, "group: no such group"),
        ({"group": 0}, ValueError, "group: '0': is root's group"),
        ({"group": b"users"}, TypeError, "group: "),
        ({"group": "a\0b"}, ValueError, "group: "),
        ({"group": "\udcff"}, ValueError, "group: "),
        ({"group": 7, "change_gids": [7]}, ValueError, "group: '7': is one of the groups"),
        ({"force_group_writable": None}, TypeError, "force_group_writable: "),
        ({"acl": 1}, TypeError, "acl: "),
        ({"hard_links": 1}, TypeError, "hard_links: "),
        ({"cross_filesystems": 1}, TypeError, "cross_filesystems: "),
        ({"syslog": 1}, TypeError, "syslog: "),
        ({"plan": 5}, TypeError, "plan: must be a path"),
        ({"plan": ""}, ValueError, "plan: must not be empty"),
        ({"plan": "plan.txt"}, ValueError, "unknown suffix"),
        ({"journal": 5}, TypeError, "journal: "),
        ({"max_threads": 0}, ValueError, "max_threads: "),
        ({"max_ops": 0}, ValueError, "max_ops: "),
        ({"where": "nonsense"}, ValueError, "where: "),
        ({"exclude": 5}, TypeError, "exclude: "),
        ({"progress": "line"}, ValueError, "progress: "),
        ({"progress_callback": 5}, TypeError, "progress_callback: "),
        ({"progress_interval": 0}, ValueError, "progress_interval: "),
    ],
)
def test_a_wrong_argument_is_named(shared, arguments, error, message):
    with pytest.raises(error, match=f"^{message}" if ":" in message else message):
        pwalk.repair(shared, **arguments)
    assert os.listdir() == ["shared"]


def test_a_wrong_argument_of_what_follows_is_named(shared):
    found = pwalk.Repair.from_plan("plan.csv")
    for arguments, error, message in [
        ({"journal": 5}, TypeError, "journal: "),
        ({"syslog": 1}, TypeError, "syslog: "),
        ({"progress_callback": 1}, TypeError, "progress_callback: "),
    ]:
        with pytest.raises(error, match=message):
            found.apply(**arguments)
    with pytest.raises(TypeError, match="plan: must be a path, not int"):
        pwalk.Repair.from_plan(5)
    with pytest.raises(TypeError, match="journal: must be a path, not NoneType"):
        pwalk.Repair.from_journal(None)
    with pytest.raises(ValueError, match="max_threads: "):
        pwalk.Repair.from_journal("j", max_threads=0)
    with pytest.raises(ValueError, match="max_ops: "):
        pwalk.Repair.from_plan("j", max_ops=0)


@pytest.mark.parametrize("path", ["/", "/etc", "//usr/share", "/tmp/../proc"])
def test_the_systems_folders_are_refused(path):
    for dry_run in [True, False]:
        with pytest.raises(ValueError, match="top: .*belongs to the system"):
            pwalk.repair(path, dry_run)


def test_a_missing_folder_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        pwalk.repair(tmp_path / "missing")


@root
def test_a_journal_that_is_there_is_found_before_the_plan_is_made(shared):
    before = _rights(shared)
    Path("j").write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        _repair(shared, False, journal="j", progress_callback=lambda _: pytest.fail("it walks"))
    assert os.path.basename(caught.value.filename) == "j"
    assert Path("j").read_text() == "mine" and _rights(shared) == before
    found = _repair(shared, journal="j")
    with pytest.raises(FileExistsError):
        found.apply()
    assert found.journal is None
    # Nothing was made yet.
    assert found.apply("k").applied["changed"] == 3


def _many(top, n):
    for number in range(n):
        path = top / f"{number}.txt"
        path.touch()
        os.chown(path, OWNER, OWNER)
        path.chmod(0o600)


@root
def test_a_callback_that_raises_ends_the_changes_and_the_journal_has_them(shared):
    _many(shared, 400)
    before = _rights(shared)
    # Slow enough to be under way when the callback is called.
    found = pwalk.repair(shared, syslog=False, max_ops=1000, max_threads=1)

    def tell(progress):
        raise RuntimeError("enough")

    with nothing_is_left(), pytest.raises(RuntimeError, match="enough") as caught:
        found.apply(progress_callback=tell, progress_interval=0.3)
    (note,) = caught.value.__notes__
    assert note == f"what was changed is in the journal: {found.journal!r}"
    assert found.applied is None and _rights(shared) != before
    with pytest.raises(ValueError, match="made already"):
        found.apply()
    again = pwalk.Repair.from_journal(found.journal)
    found.undo()
    assert _rights(shared) == before
    assert again.undo(syslog=False).applied["changed"] == 0


@root
def test_callbacks_count_entries_and_then_changes(shared):
    _many(shared, 50)
    told = []
    _repair(shared, False, progress_callback=told.append, progress_interval=0.001)
    ends = [progress["files"] + progress["dirs"] for progress in told if progress["done"]]
    assert ends == [55, 53]


INTERRUPTED = """
import os, signal, sys, threading, time
import pwalk
top, folder, how = sys.argv[1:]
os.chdir(folder)
def interrupt():
    while not os.path.exists("j"):
        time.sleep(0.001)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
if how == "at once":
    pwalk.repair(top, False, journal="j", syslog=False, max_ops=1000, max_threads=2)
found = pwalk.repair(top, syslog=False, max_ops=1000, max_threads=2)
try:
    found.apply("j")
except KeyboardInterrupt:
    print(found.journal)
    found._limits = {"threads": 2, "max_ops": None}
    print(found.undo().applied["changed"])
"""


@root
def test_ctrl_c_ends_the_changes_and_the_journal_has_them(shared):
    _many(shared, 400)
    before = _rights(shared)
    journal, n_changed = python(INTERRUPTED, shared, shared.parent, "apply").splitlines()
    assert journal == str(shared.parent / "j")
    assert 0 < int(n_changed) < 400
    assert _rights(shared) == before
    os.unlink("j")
    status = -signal.SIGINT
    _, errors = run(INTERRUPTED, shared, shared.parent, "at once", status=status)
    assert errors.endswith(f"KeyboardInterrupt\nwhat was changed is in the journal: {journal!r}\n")
    lines = Path("j").read_text().splitlines()
    assert list(json.loads(lines[0])) == ["journal"] and "end" not in json.loads(lines[-1])
    assert pwalk.Repair.from_journal("j").undo(syslog=False).applied["changed"] > 0
    assert _rights(shared) == before


@root
def test_two_repairs_at_once_change_each_entry_once(shared):
    _many(shared, 300)
    before = _rights(shared)
    plans = [_repair(shared) for _ in range(2)]
    threads = [
        threading.Thread(target=plan.apply, args=(f"j{number}",))
        for number, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = _rights(shared)
    assert _repair(shared).summary["changes"] == 0
    changed = sum(plan.applied["changed"] for plan in plans)
    assert changed >= 303
    for plan in plans:
        if plan.journal is not None:
            plan.undo()
    assert set(after) == set(_rights(shared)) and _rights(shared) == before


@root
def test_a_fork_reads_the_changes_and_makes_them(shared):
    found = _repair(shared)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            done = pyarrow.table(found.changes).num_rows, found.apply("j").applied["changed"]
            status = 0 if done == (3, 3) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # They are made; of what the fork did this process knows nothing but what it finds.
    assert found.apply("k").applied["unchanged"] == 3 and found.journal is None
    assert pwalk.Repair.from_journal("j").undo(syslog=False).applied["changed"] == 3


def test_it_is_neither_pickled_nor_copied():
    found = pwalk.Repair.from_plan("plan.csv")
    for work in [pickle.dumps, copy.copy, copy.deepcopy]:
        with pytest.raises(TypeError, match="a Repair can't be pickled or copied"):
            work(found)


def test_an_ordinary_user_changes_what_is_his(public, monkeypatch):
    top = public / "his"
    top.mkdir()
    monkeypatch.chdir("/")
    if os.geteuid() == 0:
        os.chown(top, USER, USER)
    others = top / "other.txt"
    others.touch()
    others.chmod(0o600)
    with ordinary_user():
        (top / "own").mkdir()
        (top / "own").chmod(0o700)
        gid = os.getgid() if os.geteuid() != USER else USER
        found = pwalk.repair(top, group=gid, syslog=False, where="kind = dir")
        with pytest.raises(PermissionError):
            found.apply()
        found.apply(top / "j")
        if os.geteuid() != os.getuid():
            both = pwalk.repair(top, False, group=1, journal=top / "k", syslog=False)
            assert both.applied["left"]["failed"] >= 1
            assert all(isinstance(error, PermissionError) for error in both.errors)
    assert (top / "own").stat().st_mode & 0o2070 == 0o2050


@root
def test_a_log_that_is_missing_is_a_warning(shared):
    if Path("/dev/log").exists():
        return
    with pytest.warns(RuntimeWarning, match="3 changes are not in the log"):
        pwalk.repair(shared).apply()
