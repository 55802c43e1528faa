"""Profiles for the tests of the page: an everyday one, a hostile one, an empty one, a large one.

The trees are made up from a seed, so that each run has the same, and their sums are right: the page
gets what a profile of such a tree would have.
"""

import random

NOW = 1_795_183_200  # 2026-11-20T14:00:00Z
DAY = 86_400
KIB = 1024
AGES = {
    "today": 1, "week": 7, "month": 30, "quarter": 91, "half_year": 183, "1y": 365, "2y": 730,
    "3y": 1095, "5y": 1826, "older": 10**9,
}  # fmt: skip
OWNERS = {0: "root", 33: "www-data", 990: "archive", 991: "sequencer", 992: "imaging", 993: "ci",
          994: "simulation", 995: "backup", 996: "postgres", 1204: None}  # fmt: skip
GROUPS = {0: "root", 33: "www-data", 2000: "genomics", 2001: "microscopy", 2002: "climate"}
# What names a browser, a reader or a terminal may trip over.
HOSTILE = [
    "<script>alert(1)</script>.csv",
    '"onerror=alert(1) x="',
    "'><img src=x onerror=alert(1)>",
    "]]>",
    "<!--",
    "</script>",
    "&lt;b&gt;&#x41;",
    "javascript:alert(1)",
    "${alert(1)}`",
    "%%data%%",
    "report\u202efdp.exe",
    "\u2066isolated\u2069",
    "zero\u200bwidth\ufeff",
    "line\nbreak\ttab\r",
    "bell\u0007escape\u001b[31m",
    "not \ufffd UTF-8",
    " blank at both ends ",
    "\u2028separator\u2029",
    "a\u0300" + "\u0301" * 200,
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.txt",
    "x" * 100_000,
    "__proto__",
    "constructor",
]


class Dir:
    """A directory of a tree that is made up."""

    def __init__(self, name, parent=None, uid=0):
        self.name, self.parent, self.uid = name, parent, uid
        self.children = []
        self.files = []  # (name, bytes, mtime, atime, extension, uid)
        if parent:
            parent.children.append(self)

    @property
    def path(self):
        """The path, as a profile has it."""
        return self.name if self.parent is None else f"{self.parent.path.rstrip('/')}/{self.name}"

    def add(self, chance, count, extension, size, age, uid=None):
        """Adds files whose sizes and ages spread around what is given."""
        uid = self.uid if uid is None else uid
        for index in range(count):
            n_bytes = max(0, int(size * chance.lognormvariate(0, 1.2)))
            mtime = NOW - int(DAY * age * chance.uniform(0.1, 1.9))
            atime = min(NOW, mtime + int(DAY * age * chance.uniform(0, 0.9)))
            dot = f".{extension}" if extension else ""
            self.files.append((f"{index:05}{dot}", n_bytes, mtime, atime, extension, uid))


def all_dirs(root):
    """A directory and all below it, parents first."""
    found = [root]
    for each in found:
        found.extend(each.children)
    return found


def _age(time):
    if time > NOW:
        return "future"
    return next(age for age, days in AGES.items() if NOW - time < days * DAY)


def _power(number):
    return 0 if number < 1 else 1 << (number.bit_length() - 1)


def _allocated(n_bytes):
    return -(-n_bytes // 4096) * 4096


class _Sums(dict):
    """Counts and bytes by key."""

    def add(self, key, n_bytes, allocated=0):
        sums = self.setdefault(key, [0, 0, 0])
        sums[0] += 1
        sums[1] += n_bytes
        sums[2] += allocated

    def rows(self, *keys, order=None):
        def row(key, sums):
            parts = key if isinstance(key, tuple) else (key,)
            return dict(
                zip(keys, parts, strict=True),
                entries=sums[0],
                bytes=sums[1],
                allocated_bytes=sums[2],
                is_estimate=False,
            )

        items = sorted(self.items(), key=order or (lambda item: -item[1][1]))
        return [row(key, sums) for key, sums in items]


def _tree_row(each, index):
    sums = each.sums
    own = _Sums()
    for _, n_bytes, _, _, extension, _ in each.files:
        own.add(extension, n_bytes)
    return {
        "path": each.name,
        "parent": None if each.parent is None else index[id(each.parent)],
        "bytes": sums["bytes"],
        "entries": sums["entries"],
        "allocated_bytes": sums["allocated"],
        "mtime": sums["mtime"],
        "atime": sums["atime"],
        "uid": each.uid,
        "extension": max(own, key=lambda key: own[key][1], default=None),
        "own_bytes": sum(file[1] for file in each.files),
        "own_entries": len(each.files) + len(each.children),
    }


def _sum_up(dirs):
    for each in reversed(dirs):
        below = [child.sums for child in each.children]
        each.sums = {
            "bytes": sum(f[1] for f in each.files) + sum(s["bytes"] for s in below),
            "allocated": sum(_allocated(f[1]) for f in each.files)
            + sum(s["allocated"] for s in below),
            "entries": len(each.files) + sum(s["entries"] + 1 for s in below),
            "files": len(each.files) + sum(s["files"] for s in below),
            "mtime": max([f[2] for f in each.files] + [s["mtime"] or 0 for s in below], default=None),
            "atime": max([f[3] for f in each.files] + [s["atime"] or 0 for s in below], default=None),
        }


def profile(root, top=100, nodes=10_000):
    """The profile of a made-up tree, as the JSON of a profile has it."""
    dirs = all_dirs(root)
    _sum_up(dirs)
    extensions, owners, groups, sizes = _Sums(), _Sums(), _Sums(), _Sums()
    mtimes, atimes, owner_ages, owner_sizes = _Sums(), _Sums(), _Sums(), _Sums()
    depths, entries = _Sums(), _Sums()
    files = []
    groups_of = list(GROUPS)
    for each in dirs:
        depth = each.path.count("/") - root.path.count("/")
        entries.add(_power(len(each.files) + len(each.children)), 0)
        for file in each.files:
            name, n_bytes, mtime, atime, extension, uid = file
            allocated = _allocated(n_bytes)
            extensions.add(extension, n_bytes, allocated)
            owners.add(uid, n_bytes)
            groups.add(groups_of[uid % len(groups_of)], n_bytes)
            sizes.add(_power(n_bytes), n_bytes)
            mtimes.add(_age(mtime), n_bytes)
            atimes.add(_age(atime), n_bytes)
            owner_ages.add((uid, _age(mtime)), n_bytes)
            owner_sizes.add((uid, _power(n_bytes)), n_bytes)
            depths.add(depth, n_bytes)
            files.append((n_bytes, each, name, mtime, uid))
    files.sort(key=lambda file: -file[0])
    by_size = sorted(dirs, key=lambda each: -each.sums["bytes"])
    drawn = by_size[:nodes]
    index = {id(each): number for number, each in enumerate(drawn)}
    small = [_allocated(size) - size for size, *_ in files if 0 < size < 4096]
    n_files, n_bytes = len(files), root.sums["bytes"]
    old = sorted(by_size[1:400], key=lambda each: each.sums["atime"] or 0)
    empty = [each for each in dirs if not each.files and not each.children]

    def by_power(sums):
        rows = sums.rows("from", order=lambda item: item[0])
        return [row | {"to": max(1, 2 * row["from"])} for row in rows]

    exact = {"entries_missed_max": 0, "bytes_missed_max": 0}
    as_of = {"started": "2026-11-20T14:00:00Z", "ages_as_of": "2026-11-20T14:00:00Z"}
    return {
        "version": 1,
        "pwalk": "0.1.0",
        "source": {"roots": [root.path], "kind": "tree", "scan": None, "condition": None},
        **as_of,
        "seconds": 12.34,
        "complete": True,
        "top": top,
        "totals": {
            "entries": n_files + len(dirs),
            "apparent_bytes": n_bytes,
            "allocated_bytes": root.sums["allocated"],
            "shared_bytes": n_bytes // 31,
            **{"extensions": len(extensions), "owners": len(owners), "groups": len(groups)},
            "by_kind": [
                {"kind": kind, "entries": n, "bytes": size, "allocated_bytes": size}
                for kind, n, size in [
                    ("file", n_files, n_bytes),
                    ("dir", len(dirs), 4096 * len(dirs)),
                    ("symlink", n_files // 41, n_files),
                ]
            ],
        },
        "extensions": [row | exact for row in extensions.rows("extension")][:top],
        "owners": [
            row | {"name": OWNERS.get(row["uid"])} for row in owners.rows("uid")
        ][:top],
        "groups": [row | {"name": GROUPS.get(row["gid"])} for row in groups.rows("gid")][:top],
        "depths": [
            row | {"or_deeper": False} for row in depths.rows("depth", order=lambda item: item[0])
        ],
        "sizes": by_power(sizes),
        "mtime_ages": mtimes.rows("age"),
        "atime_ages": atimes.rows("age"),
        "owner_ages": owner_ages.rows("uid", "age"),
        "owner_sizes": [row | {"to": 2 * row["from"]} for row in owner_sizes.rows("uid", "from")],
        "dir_entries": [
            {"from": row["from"], "to": row["to"], "dirs": row["entries"]}
            for row in by_power(entries)
        ],
        "largest_files": [
            {"path": f"{each.path}/{name}", "bytes": size, "mtime": mtime, "uid": uid}
            for size, each, name, mtime, uid in files[:top]
        ],
        "largest_trees": [
            {"path": each.path, "entries": each.sums["entries"], "files": each.sums["files"],
             "bytes": each.sums["bytes"], "allocated_bytes": each.sums["allocated"],
             "mtime": each.sums["mtime"], "errors": 0}
            for each in by_size[:top]
        ],  # fmt: skip
        "largest_dirs": [
            {"path": each.path, "entries": len(each.files) + len(each.children),
             "bytes": sum(file[1] for file in each.files)}
            for each in sorted(dirs, key=lambda each: -len(each.files))[:top]
        ],  # fmt: skip
        "oldest_trees": [
            {"path": each.path, "bytes": each.sums["bytes"], "atime": each.sums["atime"],
             "mtime": each.sums["mtime"]}
            for each in old[:top] if each.sums["atime"]
        ],  # fmt: skip
        "empty": {
            "dirs": len(empty),
            "files": sum(size == 0 for size, *_ in files),
            "dir_examples": [each.path for each in empty[:20]],
        },
        "waste": {
            "files": len(small),
            "bytes": 4096 * len(small) - sum(small),
            "allocated_bytes": 4096 * len(small),
        },
        "names": [
            {"trouble": "not_utf8", "entries": 12, "examples": ["/data/old/caf\ufffd.txt"]},
            {"trouble": "blanks", "entries": 3, "examples": ["/data/final report .docx"]},
            {"trouble": "control", "entries": 0, "examples": []},
        ],
        "errors": {"count": 0, "by": [], "examples": []},
        "skipped": {"snapshots": 0, "excluded": 41, "mount_points": 2},
        "trees_are_estimates": False,
        "tree": [_tree_row(each, index) for each in drawn],
    }


def everyday():
    """The storage of an institute, two million million bytes of it."""
    chance = random.Random(10)
    root = Dir("/data")
    genomics = Dir("genomics", root, 991)
    for run in range(26):
        folder = Dir(f"run_2{run % 6 + 1}{run % 12 + 1:02}{run:02}", genomics, 991)
        age = 40 + 60 * run
        Dir("bam", folder, 991).add(chance, 24, "bam", 1.4e9, age)
        Dir("fastq", folder, 991).add(chance, 40, "gz", 5e8, age)
        variants = Dir("variants", folder, 991)
        variants.add(chance, 12, "vcf", 6e7, age)
        variants.add(chance, 12, "tbi", 2e5, age)
        Dir("logs", folder, 991).add(chance, 90, "log", 3e4, age)
    imaging = Dir("microscopy", root, 992)
    for plate in range(18):
        folder = Dir(f"plate-{plate:03}", imaging, 992)
        for well in range(10):
            Dir(f"well-{chr(65 + well)}", folder, 992).add(chance, 60, "tif", 2.2e7, 20 + 90 * plate)
        folder.add(chance, 3, "csv", 4e6, 20 + 90 * plate)
    climate = Dir("climate", root, 994)
    for model in ["control", "historical", "ssp126", "ssp245", "ssp585"]:
        folder = Dir(model, climate, 994)
        for year in range(1990, 2015):
            Dir(str(year), folder, 994).add(chance, 12, "nc", 1.6e8, 500)
    archive = Dir("archive", root, 990)
    for year in range(2015, 2024):
        folder = Dir(str(year), archive, 990)
        folder.add(chance, 20, "tar", 7e8, 365 * (2027 - year) / 1.2)
        folder.add(chance, 8, "zip", 1e8, 365 * (2027 - year) / 1.2)
    builds = Dir("ci", root, 993)
    for job in range(40):
        folder = Dir(f"build-{4000 + job}", builds, 993)
        Dir("objects", folder, 993).add(chance, 300, "o", 9e4, 5)
        Dir("cache", folder, 993).add(chance, 500, "", 900, 5)
        folder.add(chance, 6, "whl", 3e7, 5)
    web = Dir("www", root, 33)
    for site in ["static", "uploads", "mirror"]:
        folder = Dir(site, web, 33)
        folder.add(chance, 200, "jpg", 2e6, 300)
        folder.add(chance, 150, "html", 2e4, 300)
        folder.add(chance, 60, "mp4", 9e7, 300)
    database = Dir("postgres", Dir("db", root, 996), 996)
    Dir("base", database, 996).add(chance, 400, "", 2.5e8, 1)
    Dir("wal", database, 996).add(chance, 64, "", 1.6e7, 0.5)
    home = Dir("home", root)
    for number, uid in enumerate([990, 991, 992, 994, 1204, 33]):
        folder = Dir(f"user{number:02}", home, uid)
        folder.add(chance, 30, "ipynb", 3e6, 200)
        folder.add(chance, 120, "py", 9e3, 400)
        Dir("empty", folder, uid)
        Dir("models", folder, uid).add(chance, 8, "pt", 4e8, 150)
        Dir("papers", folder, uid).add(chance, 60, "pdf", 3e6, 700)
    made = profile(root)
    made["mtime_ages"].append({"age": "future", "entries": 2, "bytes": 310_000_000})
    return made


def incomplete():
    """The everyday tree, with much that could not be seen."""
    made = everyday()
    made["complete"] = False
    made["errors"] = {
        "count": 1308,
        "by": [
            {"operation": "open", "errno": "EACCES", "count": 1301},
            {"operation": "stat", "errno": "EIO", "count": 7},
        ],
        "examples": [
            {"operation": "open", "path": "/data/home/user07", "errno": "EACCES",
             "message": "Permission denied"},
            {"operation": "stat", "path": "/data/archive/2016/disk 3", "errno": "EIO",
             "message": "Input/output error"},
        ],
    }  # fmt: skip
    return made


def hostile():
    """A tree in which all names are hostile, and so is everything else that is text."""
    chance = random.Random(11)
    root = Dir(f"/{HOSTILE[0]}")
    for name in HOSTILE:
        folder = Dir(name, root)
        folder.add(chance, 3, name[:200], 1e6, 100)
        inner = Dir(name[:300], folder)
        inner.add(chance, 2, "csv", 1e5, 100)
        folder.files = [(name, *rest) for _, *rest in folder.files]
    made = profile(root)
    for number, row in enumerate(made["owners"] + made["groups"]):
        row["name"] = HOSTILE[number % len(HOSTILE)]
    made["source"] |= {"roots": HOSTILE, "scan": HOSTILE[1], "condition": f"name = '{HOSTILE[0]}'"}
    made["pwalk"] = HOSTILE[2]
    made["names"] = [
        {"trouble": "control", "entries": 24, "examples": HOSTILE},
    ]
    made["empty"]["dir_examples"] = HOSTILE
    made["complete"] = None
    made["errors"] = {
        "count": 24,
        "by": [{"operation": HOSTILE[0], "errno": HOSTILE[2], "count": 24}],
        "examples": [{"path": name, "operation": name, "errno": name, "message": name}
                     for name in HOSTILE],
    }  # fmt: skip
    return made


def empty():
    """A directory with nothing in it."""
    return profile(Dir("/data/new"))


def unknown():
    """What a saved scan without times, owners and a summary may have."""
    made = everyday()
    made["source"]["kind"] = "scan"
    made["source"]["scan"] = "/backup/data.parquet"
    made["complete"] = None
    made["totals"] |= {"allocated_bytes": None, "shared_bytes": None}
    for key in ["owners", "groups", "mtime_ages", "atime_ages", "owner_ages", "owner_sizes"]:
        made[key] = []
    for row in made["tree"]:
        row |= {"uid": None, "mtime": None, "atime": None}
    for row in made["largest_files"]:
        row |= {"mtime": None, "uid": None}
    return made


def unsized():
    """What a saved scan with a summary and totals of subtrees, and no other sizes, has."""
    made = everyday()
    made["source"] |= {"kind": "scan", "scan": "/backup/data.parquet"}
    for key in ["sizes", "owner_sizes", "largest_files", "dir_entries", "largest_dirs"]:
        made[key] = []
    kinds = made["totals"]["by_kind"]
    for row in [*kinds, *made["extensions"], *made["owners"], *made["groups"]]:
        row |= {"bytes": None, "allocated_bytes": None}
    for row in [*made["depths"], *made["mtime_ages"], *made["atime_ages"], *made["owner_ages"]]:
        row["bytes"] = None
    for row in made["extensions"]:
        row["bytes_missed_max"] = None
    made["empty"] |= {"dirs": None, "files": None, "dir_examples": []}
    made["waste"] = {"files": None, "bytes": None, "allocated_bytes": None}
    for row in made["tree"]:
        row |= {"own_bytes": None, "own_entries": None}
    # Files directly in the root.
    made["tree"][0]["bytes"] *= 2
    return made


def large():
    """A tree of which 10,000 directories are to be drawn, far more than there is room for."""
    chance = random.Random(12)
    root = Dir("/")
    places = [root]
    for number in range(12_000):
        parent = chance.choice(places[-300:] if number % 3 else places)
        folder = Dir(f"directory-{number:05}", parent, chance.choice(list(OWNERS)))
        folder.add(chance, 2, chance.choice(["bam", "tif", "nc", "txt", ""]), 1e7, 900)
        places.append(folder)
    return profile(root, top=5000)


def deep():
    """A chain of directories, with another one beside it on each level."""
    chance = random.Random(13)
    root = folder = Dir("/")
    for level in range(400):
        folder = Dir(f"level-{level}", folder)
        if level % 20 == 0:
            Dir("beside", folder).add(chance, 3, "txt", 1e6, 10)
    folder.add(chance, 9, "txt", 1e6, 10)
    return profile(root, top=10)


SAMPLES = {
    made.__name__: made for made in [everyday, incomplete, hostile, empty, unknown, unsized, large, deep]
}
