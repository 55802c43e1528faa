"""`DirectoryProfiler`: three ways to count give equal results, and what is printed is readable."""

import errno
import io
import os
import subprocess
import sys
import tempfile

import pwalk
import pytest

WAYS = {
    "parallel": {"parallel_threshold": 0},
    "after a while": {"parallel_threshold": 10},
    "one thread": {"use_parallel": False},
    "python": {"use_rust": False},
}


def _plain(analysis):
    """An analysis without what differs from run to run; errors as what they say."""
    plain = {key: value for key, value in analysis.items() if key != "timing"}
    plain["errors"] = [
        (type(error), error.errno, error.filename) for error in analysis["errors"]
    ]
    # Equal dicts can differ in their order.
    ordered = ("file_extensions", "common_folder_names", "depth_distribution")
    return plain | {key: list(plain[key].items()) for key in ordered}


def _analyses(path, max_depth=None, **options):
    return {
        name: pwalk.DirectoryProfiler(**way, **options).analyze(path, max_depth)
        for name, way in WAYS.items()
    }


def _check_equal(path, max_depth=None, **options):
    analyses = _analyses(path, max_depth, **options)
    first, *others = [_plain(analysis) for analysis in analyses.values()]
    for name, other in zip(list(WAYS)[1:], others, strict=True):
        assert other == first, f"{path}: {name}"
    return analyses["parallel"]


def test_t4_t5_t17_t18_all_ways_agree_on_every_fixture_tree(trees):
    found = [path for path in sorted(trees.iterdir()) if path.is_dir()]
    assert len(found) > 5
    for path in found:
        for max_depth in (None, 0, 1):
            _check_equal(path, max_depth)


def test_what_is_counted(tree):
    analysis = _check_equal(tree)
    top = str(tree)
    summary = analysis["summary"]
    n_bytes = sum(range(7)) * 1000
    assert summary == {
        "total_files": 9,
        "total_folders": 7,
        "total_size_bytes": n_bytes,
        "total_size_mb": n_bytes / 2**20,
        "avg_files_per_folder": 9 / 7,
        "max_depth": 3,
        "empty_folder_count": 0,
        "error_count": 0,
    }
    assert analysis["root_path"] == top
    extensions = {"<no extension>": 6, ".txt": 2, ".csv": 1}
    assert list(analysis["file_extensions"].items()) == list(extensions.items())
    assert analysis["common_folder_names"] == dict.fromkeys(["a", "b", "c", "deep", "x", "y"], 1)
    assert analysis["depth_distribution"] == {0: 1, 1: 3, 2: 2, 3: 1}
    assert analysis["top_folders_by_file_count"][:2] == [(top, 2), (f"{top}/c", 2)]
    assert analysis["top_folders_by_file_count"][2] == (f"{top}/a", 1)
    assert analysis["errors"] == [] and analysis["empty_folders"] == []
    assert analysis["timing"]["elapsed_seconds"] > 0
    assert analysis["timing"]["items_per_second"] > 0


def test_a_maximum_depth_is_that_of_folders(tree):
    analysis = _check_equal(tree, 0)
    assert analysis["summary"]["total_folders"] == 1 and analysis["summary"]["total_files"] == 2
    analysis = _check_equal(tree, 1)
    assert analysis["depth_distribution"] == {0: 1, 1: 3}
    assert analysis["summary"]["total_files"] == 6
    assert _check_equal(tree, 2**32 - 1)["summary"]["total_folders"] == 7


def test_t4_names_are_exact_and_extensions_in_lower_case(tmp_path):
    names = [b"A.TXT", b"b.txt", b".bashrc", b"n.", b"..a", "é.É".encode(), b"bad\xff.\xfe", b"x.Tar.GZ"]
    (tmp_path / "t").mkdir()
    for name in names:
        open(os.fsencode(tmp_path / "t") + b"/" + name, "w").close()
    empty = os.fsencode(tmp_path) + b"/emp\xffty"
    os.mkdir(empty)
    analysis = _check_equal(tmp_path)
    assert analysis["file_extensions"] == {
        ".txt": 2, "<no extension>": 2, ".a": 1, ".gz": 1, ".é": 1, ".\udcfe": 1,
    }  # fmt: skip
    assert analysis["empty_folders"] == [os.fsdecode(empty)]
    assert "emp\udcffty" in analysis["common_folder_names"]


def test_a_folder_is_empty_only_if_nothing_at_all_is_in_it(tmp_path):
    for name in ("empty", "link", "excluded", "snapshot/.snapshot", "nested/empty"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link" / "dangling").symlink_to("nowhere")
    (tmp_path / "excluded" / "a.tmp").touch()
    analysis = _check_equal(tmp_path)
    assert analysis["empty_folders"] == [f"{tmp_path}/empty", f"{tmp_path}/nested/empty"]
    assert ".snapshot" not in analysis["common_folder_names"]
    analysis = _check_equal(tmp_path, ignore_snapshots=False)
    assert f"{tmp_path}/snapshot/.snapshot" in analysis["empty_folders"]
    analysis = pwalk.DirectoryProfiler(exclude="*.tmp").analyze(tmp_path)
    assert analysis["summary"]["total_files"] == 0
    assert f"{tmp_path}/excluded" not in analysis["empty_folders"]


def test_a_condition_says_what_counts(tree):
    def analyze(where):
        return pwalk.DirectoryProfiler(where=where).analyze(tree)

    analysis = analyze("size >= 3000 or kind = dir")
    assert analysis["summary"]["total_files"] == 4 and analysis["summary"]["total_folders"] == 7
    assert analyze("name ~ '*.txt'")["file_extensions"] == {".txt": 2}
    with pytest.raises(ValueError, match="^where: "):
        analyze("size >")


def test_the_ten_fullest_folders_are_found_whoever_reads_which_part_of_them(tmp_path):
    for folder in range(30):
        (tmp_path / f"{folder:02}").mkdir()
        for file in range(folder % 15):
            (tmp_path / f"{folder:02}" / str(file)).touch()
    analysis = _check_equal(tmp_path)
    expected = [(f"{tmp_path}/{n:02}", n % 15) for m in (14, 13, 12, 11, 10) for n in (m, m + 15)]
    assert analysis["top_folders_by_file_count"] == expected


@pytest.mark.parametrize("way", WAYS)
def test_t10_a_root_that_is_no_directory_is_refused(tmp_path, way):
    profiler = pwalk.DirectoryProfiler(**WAYS[way])
    with pytest.raises(FileNotFoundError) as missing:
        profiler.analyze(tmp_path / "missing")
    assert missing.value.filename == str(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as file:
        profiler.analyze(tmp_path / "file")
    assert (file.value.errno, file.value.filename) == (errno.ENOTDIR, str(tmp_path / "file"))
    (tmp_path / "link").symlink_to(".")
    assert profiler.analyze(tmp_path / "link")["summary"]["total_files"] == 1


UNREADABLE = """
import os, sys
import pwalk
top, uid = sys.argv[1], int(sys.argv[2])
# What is imported may not be readable for others.
for way in WAYS:
    pwalk.DirectoryProfiler(**way).analyze("/proc/self/attr")
os.setgroups([]), os.setgid(uid), os.setuid(uid)
seen = set()
for way in WAYS:
    analysis = pwalk.DirectoryProfiler(**way).analyze(top)
    errors = tuple((type(e).__name__, e.errno, e.filename) for e in analysis["errors"])
    summary = analysis["summary"]
    assert summary["error_count"] == len(errors)
    seen.add((errors, summary["total_files"], summary["total_folders"]))
    try:
        pwalk.DirectoryProfiler(**way).analyze(top + "/locked")
        sys.exit("was read")
    except PermissionError as error:
        assert error.filename == top + "/locked"
print(seen)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_t20_what_cannot_be_read_is_in_the_errors(public):
    top = public / "unreadable"
    (top / "locked" / "inside").mkdir(parents=True)
    (top / "listed" / "folder").mkdir(parents=True)
    for name in ("open.txt", "listed/file.txt", "locked/file.txt"):
        (top / name).touch()
    (top / "locked").chmod(0o000)
    (top / "listed").chmod(0o744)
    program = UNREADABLE.replace("WAYS", repr(list(WAYS.values())))
    command = [sys.executable, "-c", program, str(top), "65534"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (only,) = eval(done.stdout)
    errors, n_files, n_folders = only
    expected = {
        ("PermissionError", errno.EACCES, f"{top}/{name}")
        for name in ("listed/file.txt", "listed/folder", "locked")
    }
    assert set(errors) == expected and len(errors) == 3
    # What is locked is known of, and nothing below it.
    assert (n_files, n_folders) == (1, 3)


def test_bad_arguments_are_refused_by_name(tmp_path):
    cases = [
        (TypeError, "use_rust", {"use_rust": 1}),
        (TypeError, "use_parallel", {"use_parallel": None}),
        (TypeError, "parallel_threshold", {"parallel_threshold": 1.5}),
        (ValueError, "parallel_threshold", {"parallel_threshold": -1}),
        (TypeError, "progress_callback", {"progress_callback": 5}),
        (ValueError, "progress_interval", {"progress_interval": 0}),
        (TypeError, "exclude", {"exclude": 5}),
        (ValueError, "exclude", {"exclude": "*.tmp", "use_rust": False}),
        (TypeError, "where", {"where": len}),
        (ValueError, "where", {"where": "size > 1", "use_rust": False}),
    ]
    for kind, name, arguments in cases:
        with pytest.raises(kind, match=f"^{name}: "):
            pwalk.DirectoryProfiler(**arguments)
    with pytest.raises(ValueError, match="^max_depth: "):
        pwalk.DirectoryProfiler().analyze(tmp_path, -1)
    with pytest.raises(TypeError, match="^path: "):
        pwalk.DirectoryProfiler().analyze(5)


def test_the_threshold_decides_whether_there_are_several_threads(large):
    def implementation(**options):
        return pwalk.DirectoryProfiler(**options).analyze(large)["timing"]["implementation"]

    assert implementation(parallel_threshold=10**9) == "Rust (sequential)"
    assert implementation(use_parallel=False, parallel_threshold=0) == "Rust (sequential)"
    assert implementation(use_rust=False) == "Python"
    if len(os.sched_getaffinity(0)) > 1:
        assert implementation(parallel_threshold=0) == "Rust (parallel)"


def test_the_implementation_is_told():
    def info(**options):
        info = pwalk.DirectoryProfiler(**options).get_implementation_info()
        assert info.pop("rust_available") and info.pop("rust_parallel_available")
        return list(info.items())

    def told(rust, parallel, python):
        return [("using_rust", rust), ("using_parallel", parallel), ("python_fallback", python)]

    assert info() == told(True, True, False)
    assert info(use_parallel=False) == told(True, False, False)
    assert info(use_rust=False) == told(False, False, True)


@pytest.mark.parametrize("way", WAYS)
def test_the_progress_is_told_and_an_exception_ends_it(tree, way):
    told = []
    profiler = pwalk.DirectoryProfiler(**WAYS[way], progress_callback=told.append)
    profiler.analyze(tree)
    assert told[-1]["done"] and told[-1]["dirs"] == 7 and told[-1]["files"] == 11
    assert set(told[-1]) == set(pwalk.Progress.__annotations__)

    def fail(progress):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        pwalk.DirectoryProfiler(**WAYS[way], progress_callback=fail).analyze(tree)


@pytest.fixture
def sparse():
    """A tree of five files that no disk has room for, on a filesystem that takes such sizes."""
    if not os.path.ismount("/dev/shm"):
        pytest.skip("needs a filesystem that is mounted on /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for number in range(5):
            with open(f"{folder}/{number}.img", "w") as file:
                file.truncate(2**63 - 4096)
        yield folder


def test_sizes_that_no_number_of_a_table_holds_are_added_up(sparse, tmp_path):
    told = {}
    for name, way in WAYS.items():
        calls = []
        profiler = pwalk.DirectoryProfiler(**way, progress_callback=calls.append)
        assert profiler.analyze(sparse)["summary"]["total_size_bytes"] == 5 * (2**63 - 4096), name
        told[name] = calls[-1]["bytes"]
    assert set(told.values()) == {2**64 - 1}, told
    _check_equal(sparse)
    profile = pwalk.profile(sparse)
    assert profile.totals["apparent_bytes"] == 2**64 - 1
    assert profile.largest_trees.column("bytes").to_list() == [2**63 - 1]
    assert profile.largest_dirs.column("bytes").to_list() == [2**63 - 1]
    pwalk.report(sparse, tmp_path / "scan.csv", compress="none")
    root = (tmp_path / "scan.csv").read_text().splitlines()
    assert any(line.endswith(f",5,{2**63 - 1}") for line in root)


def test_another_name_and_another_place(tree):
    from pwalk.directories import DirectoryProfiler

    assert DirectoryProfiler is pwalk.DirectoryProfiler
    profiler = DirectoryProfiler()
    assert _plain(profiler.analyze_directory(os.fsencode(tree))) == _plain(profiler.analyze(tree))


@pytest.fixture(params=["rich", "plain"])
def printer(request, monkeypatch):
    """With rich, and without."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "rich.console", None)
    else:
        pytest.importorskip("rich")
        monkeypatch.setenv("COLUMNS", "120")
    return pwalk.DirectoryProfiler()


def test_tables_are_printed_with_and_without_rich(printer, tree, capsys):
    analysis = printer.analyze(tree)
    printer.print_report(analysis)
    printed = capsys.readouterr().out
    words = ["Total Files", "Rust", ".csv", "11.1%", "Common Folder Names", "deep", "No Empty Folders"]
    assert [word for word in words if word not in printed] == []
    (tree / "y" ).mkdir()
    (tree / "z").mkdir()
    printer.print_empty_folders(printer.analyze(tree), max_show=1)
    assert "... and 1 more" in capsys.readouterr().out
    printer.print_file_extensions(analysis, top_n=1)
    assert ".csv" not in capsys.readouterr().out


def test_t1_t5_names_are_printed_as_text_whatever_they_are(printer, tmp_path, capsys):
    hostile = ["[bold red]markup", "esc\x1b[31m", "line\nbreak", "rtl\u202e", "\udcff", "é"]
    for name in hostile:
        (tmp_path / f"d.{name}").mkdir()
        (tmp_path / f"f.{name}").touch()
    printer.print_report(printer.analyze(tmp_path))
    printed = capsys.readouterr().out
    printed.encode()
    assert "d.[bold red]markup" in printed and "d.é" in printed and "\\xff" in printed
    assert "\\x1b[31m" in printed and "d.esc\x1b" not in printed
    assert "line\\nbreak" in printed and "\u202e" not in printed


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_t5_names_are_printed_whatever_the_encoding_of_the_output(printer, encoding, tmp_path, monkeypatch):
    for name in ["é", "日本", "\N{WOMAN}\u200d\N{GIRL}", "\udcff"]:
        (tmp_path / f"d.{name}").mkdir()
        (tmp_path / f"f.{name}").touch()
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, write_through=True))
    printer.print_report(printer.analyze(tmp_path))
    printed = written.getvalue().decode(encoding)
    assert "d." + ("é" if encoding == "latin-1" else "\\xe9") in printed
    assert "d.\\u65e5\\u672c" in printed and "\\U0001f469\\u200d" in printed and "\\xff" in printed


def test_columns_are_in_line_however_wide_names_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    profiler = pwalk.DirectoryProfiler()
    for name in ["日本語のフォルダ", "e\u0301", "plain"]:
        (tmp_path / name).mkdir()
    profiler.print_folder_patterns(profiler.analyze(tmp_path))
    lines = capsys.readouterr().out.splitlines()
    assert "日本語のフォルダ            1" in lines
    assert "e\u0301                           1" in lines
    assert "plain                       1" in lines


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("print_file_extensions", "top_n"),
        ("print_folder_patterns", "top_n"),
        ("print_empty_folders", "max_show"),
    ],
)
def test_numbers_of_rows_are_checked(method, argument, tree):
    profiler = pwalk.DirectoryProfiler()
    show, analysis = getattr(profiler, method), profiler.analyze(tree)
    with pytest.raises(ValueError, match=f"^{argument}: must be from 0 to "):
        show(analysis, **{argument: -1})
    with pytest.raises(TypeError, match=f"^{argument}: must be an integer"):
        show(analysis, **{argument: 1.5})


def test_errors_are_printed(printer, tree, capsys):
    analysis = printer.analyze(tree)
    analysis["summary"]["error_count"] = 3
    printer.print_summary(analysis)
    assert "3 (incomplete)" in capsys.readouterr().out
