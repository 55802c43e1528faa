"""The table of contestants and of the suites they run in.

A command is written with placeholders (`$TREE`, `$OUT`, ...), is run with them replaced, and
is published as it stands here, so the results never hold a path of the machine.

The questionable decision: every peer runs with the number of threads that it takes by itself.
It shows a peer as its users get it, and some peers do better with more threads than cores.
"""

from dataclasses import dataclass, field, replace

# The 13 columns of `find` and `bfs` that pwalk's CSV has, in find's language.
COLUMNS = r"%i,%d,%p,%U,%G,%s,%D,%b,%n,%m,%A@,%T@,%C@\n"


@dataclass(frozen=True)
class Contestant:
    """One command, and what makes its row valid."""

    name: str
    #: With placeholders; `>` and `$OUT` at the end send standard output to the file.
    argv: tuple[str, ...]
    #: How the entries are counted; a key of `counting.COUNTERS`.
    count: str
    #: The contestant that this one's time is divided by.
    base: str = "floor"
    #: What the command does that others don't, or leaves out, in a few words.
    note: str = ""
    #: Whether it is the same command as another one, with a number of threads that somebody chose.
    is_fixed: bool = False


@dataclass(frozen=True)
class Slowfs:
    """A tree on the slow filesystem, and how that serves it."""

    dirs: int
    files: int
    ms: float
    #: Requests served at a time; 0 is without a limit.
    capacity: int = 0

    def arguments(self) -> tuple[str, ...]:
        """As `slowfs` takes them."""
        tree = ("--dirs", str(self.dirs), "--files", str(self.files))
        return (*tree, "--ms", f"{self.ms:g}", "--capacity", str(self.capacity))

    def scaled(self, scale: float) -> "Slowfs":
        """More or fewer directories; of a single one, files."""
        if self.dirs == 1:
            return replace(self, files=max(1, round(self.files * scale)))
        return replace(self, dirs=max(2, round(self.dirs * scale)))


@dataclass(frozen=True)
class Workload:
    """A tree and those who walk it."""

    #: As the results call it.
    name: str
    #: Shape and scale as `corpus` takes them; `empty` is an empty directory, `scan` a saved scan
    #: of `wide` ten times.
    shape: str
    scale: float
    contestants: tuple[Contestant, ...]
    #: Runs within a round; for commands too short to be timed once.
    repeats: int = 1
    #: Where the tree is: on the disk with warm caches, `cold`, served through `sshfs`, or computed
    #: by the slow filesystem, which then takes the place of shape and scale.
    place: Slowfs | str = "disk"


@dataclass(frozen=True)
class Suite:
    """What one `--suite` measures."""

    name: str
    proves: str
    workloads: tuple[Workload, ...] = field(default=())


def _c(name: str, command: str, count: str, base: str = "floor", note: str = "") -> Contestant:
    return Contestant(name, tuple(command.split()), count, base, note)


FLOOR = _c("floor", "$FLOOR --threads $THREADS $TREE", "printed")
FLOOR_NAMES = _c(
    "floor, names only", "$FLOOR --threads $THREADS --names $TREE", "printed", "floor, names only"
)
FLOOR_SPLIT = _c(
    "floor, split", "$FLOOR --threads $THREADS --split $TREE", "printed", "floor, split"
)


def _reports(base: str = "floor", formats: tuple[str, ...] = ()) -> tuple[Contestant, ...]:
    """pwalk's reports; each format counts its rows in its own file."""
    every = ("csv", "csv.zst", "parquet", "arrow", "ndjson.zst")
    counters = {"csv": "csv", "csv.zst": "csv", "ndjson.zst": "lines"}
    return tuple(
        _c(
            f"pwalk report .{suffix}",
            f"$PWALK report $TREE -o $OUT.{suffix} --summary $OUT.json",
            counters.get(suffix, "summary"),
            base,
        )
        for suffix in formats or every
    )


def _printf(program: str, base: str = "floor") -> Contestant:
    argv = (f"${program.upper()}", "$TREE", "-printf", COLUMNS, ">", "$OUT")
    return Contestant(f"{program} -printf", argv, "lines", base, "13 columns")


def _metadata_peers(base: str = "floor") -> tuple[Contestant, ...]:
    return (
        _printf("find", base),
        _printf("bfs", base),
        _c("du", "$DU -s --inodes $TREE > $OUT", "printed", base, "one total"),
        _c(
            "diskus",
            "$DISKUS --apparent-size --directories included $TREE > $OUT",
            "bytes",
            base,
            "one total",
        ),
        _c("C pwalk", "$PWALK_C --NoSnap --header $TREE > $OUT", "csv", base, "CSV, no zstd"),
    )


def _python_peers(base: str = "floor") -> tuple[Contestant, ...]:
    return (
        _c(
            "PyPI pwalk report",
            "$PYTHON_PYPI_PWALK $BENCH/driver.py collect pypi-pwalk $TREE $OUT.csv",
            "csv",
            base,
            "CSV.zst, names instead of paths",
        ),
        _c(
            "scandir-rs Scandir",
            "$PYTHON_SCANDIR_RS $BENCH/driver.py collect scandir-rs $TREE > $OUT",
            "printed",
            base,
            "objects in memory",
        ),
        _c(
            "filoma probe",
            "$PYTHON_FILOMA $BENCH/driver.py collect filoma $TREE > $OUT",
            "printed",
            base,
            "statistics only",
        ),
    )


def _names(base: str = "floor, names only") -> tuple[Contestant, ...]:
    return (
        FLOOR_NAMES,
        _c("pwalk walk", "$PWALK walk $TREE > $OUT", "lines", base),
        _c("find", "$FIND $TREE > $OUT", "lines", base),
        _c("bfs", "$BFS $TREE > $OUT", "lines", base),
        _c("fd", "$FD --unrestricted . $TREE > $OUT", "lines_below", base),
    )


def _everyone() -> tuple[Contestant, ...]:
    return (FLOOR, *_reports(), *_metadata_peers(), *_python_peers(), *_names())


def _flat() -> tuple[Contestant, ...]:
    base = FLOOR_SPLIT.name
    plain = Contestant(FLOOR.name, FLOOR.argv, FLOOR.count, base, "one thread per directory")
    return (
        FLOOR_SPLIT,
        plain,
        *_reports(base),
        *_metadata_peers(base),
        *_python_peers(base),
        *_names(),
    )


def _frugal() -> tuple[Contestant, ...]:
    return (FLOOR, *_reports(), *_metadata_peers(), *_python_peers(), *_names("floor")[1:])


def _quick() -> tuple[Contestant, ...]:
    reports = _reports(formats=("csv", "csv.zst", "parquet"))
    return (FLOOR, *reports, *_names("floor")[1:], *_metadata_peers())


def _walk(name: str, python: str = "$PYTHON", verb: str = "walk", note: str = "") -> Contestant:
    count = "timed" if verb == "walk" else "timed_only"
    command = f"{python} $BENCH/driver.py {verb} {name} $TREE > $OUT"
    return _c(name, command, count, "os.walk", note)


def _walkers(verb: str) -> tuple[Contestant, ...]:
    return (
        _walk("os.walk", verb=verb),
        _walk("pwalk.walk", "$PYTHON_PWALK", verb),
        _walk("os.fwalk", verb=verb, note="gives descriptors too"),
        _walk("Path.walk", verb=verb, note="Python 3.12 and later"),
        _walk("scandir-rs", "$PYTHON_SCANDIR_RS", verb, "class Walk; any order"),
        _walk("pypi-pwalk", "$PYTHON_PYPI_PWALK", verb, "calls os.walk"),
    )


def _tables() -> tuple[Contestant, ...]:
    command = "$PYTHON_PWALK $BENCH/driver.py collect {} $TREE {}> $OUT"
    return (
        FLOOR,
        *_reports(formats=("csv.zst",)),
        _c("pwalk.report()", command.format("pwalk-report", "$OUT.csv.zst "), "printed"),
        _c("pwalk.scan()", command.format("pwalk-scan", ""), "printed", note="an Arrow table"),
        *_python_peers()[1:],
    )


def _totals() -> tuple[Contestant, ...]:
    """Reports with totals of subtrees, each against the same one without."""
    rows = [FLOOR]
    for plain in _reports(formats=("parquet", "arrow")):
        argv = (*plain.argv, "--columns", "+tree")
        rows += [plain, replace(plain, name=f"{plain.name} +tree", argv=argv, base=plain.name)]
    return tuple(rows)


def _profiles(base: str) -> tuple[Contestant, ...]:
    return (
        _c("pwalk profile --json", "$PWALK profile --json $TREE > $OUT.json", "profile", base),
        _c(
            "pwalk profile --html",
            "$PWALK profile --json --html $OUT.html $TREE > $OUT.json",
            "profile",
            base,
            "and the page",
        ),
    )


def _profilers() -> tuple[Contestant, ...]:
    filoma, ours = (
        _c(name, f"{python} $BENCH/driver.py profile {name} $TREE > $OUT", "timed", "filoma", note)
        for name, python, note in (
            ("filoma", "$PYTHON_FILOMA", "probe()"),
            ("DirectoryProfiler", "$PYTHON_PWALK", "analyze()"),
        )
    )
    return (filoma, ours)


def _profile_workloads() -> tuple[Workload, ...]:
    scan = "pwalk profile --json"
    return (
        Workload("totals of subtrees", "wide", 1, _totals()),
        Workload("profile of a tree", "wide", 1, (FLOOR, *_profiles(FLOOR.name))),
        Workload("profile of a saved scan", "scan", 1, _profiles(scan)),
        Workload("DirectoryProfiler", "wide", 1, _profilers()),
    )


def _fixed(threads: tuple[int, ...], base: str) -> tuple[Contestant, ...]:
    """pwalk as it is without flags, and with numbers of threads."""
    command = "$PWALK report $TREE{} -o $OUT.csv --summary $OUT.json"
    plain = _c("pwalk", command.format(""), "csv", base)
    return (
        plain,
        *(
            replace(_c(f"pwalk -t{n}", command.format(f" -t{n}"), "csv", base), is_fixed=True)
            for n in threads
        ),
    )


def _slow(threads: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)) -> tuple[Contestant, ...]:
    floor = _c("floor, 512 threads", "$FLOOR --threads 512 --split $TREE", "printed")
    base = floor.name
    return (replace(floor, base=base), *_fixed(threads, base), _metadata_peers(base)[-1])


def _sshfs() -> tuple[Contestant, ...]:
    base = "find -printf"
    return (_printf("find", base), *_fixed((2, 4, 8, 16, 32, 64), base), _metadata_peers(base)[-1])


def _cold() -> tuple[Contestant, ...]:
    return (FLOOR, *_fixed((2, 4, 8, 16), FLOOR.name), _metadata_peers()[-1])


def _slow_workloads() -> tuple[Workload, ...]:
    def served(name: str, server: Slowfs, contestants: tuple[Contestant, ...]) -> Workload:
        return Workload(name, "slowfs", 1, contestants, place=server)

    many, single = Slowfs(2000, 10, 2), Slowfs(1, 20_000, 2)
    return (
        served("1 ms, 50,000 files", Slowfs(500, 100, 1), _slow()),
        # With fewer threads a run takes a minute, and shows nothing else.
        served("1 ms, 500,000 files", Slowfs(5000, 100, 1), _slow((32, 64, 128, 256, 512))),
        served("2 ms, 2,000 directories of 10", many, _slow()),
        served("2 ms, one directory of 20,000", single, _slow()),
        served(
            "1 ms, 8 at a time", Slowfs(200, 100, 1, capacity=8), _slow((4, 8, 12, 16, 24, 32, 64))
        ),
        served("walk: 1 ms, 50,000 files", Slowfs(500, 100, 1), _walkers("walk")[:2]),
        Workload("sshfs over loopback", "wide", 0.05, _sshfs(), place="sshfs"),
    )


_MEMORY = "Peak memory does not grow with the tree: ten times the entries, the same megabytes."
_START = "What a command costs before it reads anything: an empty directory."
_PYTHON = "Iterating in Python against os.walk of the same Python, the start of Python left out."
_WIDE = "A million files in directories of a hundred: the cost of an entry, output included."
_FLAT = "Half a million files in one directory: whether its entries are shared by the threads."
_DEEP = "Chains of 200 directories: paths relative to descriptors against full paths."
_SLOW = "Servers that take their time: how close to the best number of threads without flags."
_COLD = "A local disk of which nothing is cached: caches are dropped before each run."
_PROFILE = "Totals of subtrees, and statistics: what they add to a report, and to the floor."
_SKEWED = "Nine in ten entries below one directory: whether work reaches the idle threads."

SUITES = {
    suite.name: suite
    for suite in (
        Suite("wide", _WIDE, (Workload("wide", "wide", 1, _everyone()),)),
        Suite("flat", _FLAT, (Workload("flat", "flat", 1, _flat()),)),
        Suite("deep", _DEEP, (Workload("deep", "deep", 1, _everyone()),)),
        Suite("skewed", _SKEWED, (Workload("skewed", "skewed", 1, _everyone()),)),
        Suite(
            "memory",
            _MEMORY,
            tuple(Workload(f"wide x {n}", "wide", n, _frugal()) for n in (1, 10)),
        ),
        Suite("profile", _PROFILE, _profile_workloads()),
        Suite("start", _START, (Workload("empty", "empty", 1, _quick(), repeats=20),)),
        Suite("slow", _SLOW, _slow_workloads()),
        Suite("cold", _COLD, (Workload("wide, cold", "wide", 1, _cold(), place="cold"),)),
        Suite(
            "python",
            _PYTHON,
            (
                Workload("walk: a million files", "wide", 1, _walkers("walk")),
                Workload("loop: 200 files", "tiny", 1, _walkers("loop")),
                Workload("first: the first triple of a million", "wide", 1, _walkers("first")),
                Workload("tables: a million rows", "wide", 1, _tables()),
            ),
        ),
    )
}
