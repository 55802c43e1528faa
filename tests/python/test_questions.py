"""The questions that administrators ask: one SQL for all formats, and the same answers.

The answers are compared with those of the same SQL over the independent walk. Two things differ
between the formats by design, and portable SQL heeds them: what is null in a columnar file is -1
or 0 in a CSV (`coalesce(pw_fcount, -1) < 0` tells what is no directory in each), and DuckDB takes
an empty text in a CSV for null (`coalesce(fileExtension, '')`).
"""

import duckdb
import expected
import pyarrow
import pytest
from readers import files

# A CSV is typed by DuckDB's guess, the others by themselves.
ASKED = ["csv.zst", "parquet", "parts/", "ndjson.zst"]

QUESTIONS = {
    "how much is there": """
        SELECT count(*), sum(st_size), sum(st_blocks) * 512 FROM scan
        WHERE coalesce(pw_fcount, -1) < 0""",
    "who owns the most bytes": """
        SELECT UID, GID, sum(st_blocks) * 512 AS bytes, count(*) AS files FROM scan
        GROUP BY UID, GID ORDER BY bytes DESC, UID, GID""",
    "who owns the most bytes, each inode counted once": """
        SELECT UID, sum(st_blocks) * 512 AS bytes
        FROM (SELECT DISTINCT st_dev, inode, UID, st_blocks FROM scan)
        GROUP BY UID ORDER BY bytes DESC, UID""",
    "what is older than two years": """
        SELECT filename, st_size, st_mtime FROM scan
        WHERE coalesce(pw_fcount, -1) < 0 AND st_mtime < epoch(now() - INTERVAL 2 YEAR)
        ORDER BY st_size DESC, filename, inode""",
    "how old are the bytes": """
        SELECT floor((epoch(now()) - st_mtime) / 31557600)::BIGINT AS years, sum(st_size), count(*)
        FROM scan WHERE coalesce(pw_fcount, -1) < 0 GROUP BY years ORDER BY years""",
    "which directories hold the most files": """
        SELECT filename, pw_fcount, pw_dirsum FROM scan
        WHERE pw_fcount > 0 ORDER BY pw_fcount DESC, filename, inode LIMIT 100""",
    "which directories are empty": """
        SELECT filename FROM scan WHERE pw_fcount = 0 ORDER BY filename""",
    "bytes by extension": """
        SELECT lower(coalesce(fileExtension, '')) AS extension, sum(st_size) AS bytes, count(*)
        FROM scan WHERE coalesce(pw_fcount, -1) < 0
        GROUP BY extension ORDER BY bytes DESC, extension""",
    "which files are the largest": """
        SELECT st_size, filename, UID FROM scan
        WHERE coalesce(pw_fcount, -1) < 0 ORDER BY st_size DESC, filename, inode LIMIT 100""",
    "which files are sparse": """
        SELECT filename, st_size, st_blocks FROM scan
        WHERE coalesce(pw_fcount, -1) < 0 AND st_blocks * 512 < st_size
        ORDER BY filename, inode""",
    "which directories are the deepest": """
        SELECT "directory-depth" AS depth, filename FROM scan
        WHERE pw_fcount >= 0 ORDER BY depth DESC, filename, inode LIMIT 100""",
    "which directories use the most": """
        SELECT folder."inode", folder.filename, count(*), sum(entry.st_blocks) AS blocks
        FROM scan AS folder JOIN scan AS entry ON entry."parent-inode" = folder.inode
        WHERE folder.pw_fcount >= 0
        GROUP BY ALL ORDER BY blocks DESC, folder.filename, folder.inode LIMIT 100""",
    "what does each folder at the top use": """
        SELECT split_part(substr(filename, length('{root}') + 2), '/', 1) AS folder,
            sum(st_blocks) * 512 AS bytes, count(*)
        FROM scan WHERE filename LIKE '{root}/%' GROUP BY folder ORDER BY bytes DESC, folder""",
    "which files have more than one name": """
        SELECT st_dev, inode, st_nlink, min(filename), count(*) FROM scan
        WHERE coalesce(pw_fcount, -1) < 0 AND st_nlink > 1
        GROUP BY ALL ORDER BY st_dev, inode""",
    "which files may be copies": """
        SELECT st_size, count(*) AS files, min(filename), max(filename) FROM scan
        WHERE coalesce(pw_fcount, -1) < 0 AND st_size > 0
        GROUP BY st_size HAVING files > 1 ORDER BY files * st_size DESC, st_size""",
}


@pytest.fixture(scope="session")
def databases(scan):
    """Databases in each of which a table `scan` is known: the walk's, and those of the reports."""
    columns = dict(zip(expected.COLUMNS, zip(*scan.rows, strict=True), strict=True))
    made = {name: duckdb.connect() for name in ["the walk", *ASKED]}
    made["the walk"].register("scan", pyarrow.table(columns))
    for suffix in ASKED:
        made[suffix].execute(f"CREATE VIEW scan AS FROM '{files(scan.reports[suffix])}'")
    return made


def _answers(databases, question, scan):
    asked = question.format(root=scan.root)
    return {name: database.sql(asked).fetchall() for name, database in databases.items()}


@pytest.mark.trees("basic", "wide", "owners", "times", "sparse", "hard_links", "/usr/share/doc")
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_every_format_answers_as_the_walk_does(scan, databases, question):
    answers = _answers(databases, question, scan)
    for name in ASKED:
        assert answers[name] == answers["the walk"], name


@pytest.mark.trees("/usr/share/doc")
def test_on_a_real_tree_most_questions_have_long_answers(scan, databases):
    walk = {"the walk": databases["the walk"]}
    answers = [_answers(walk, question, scan)["the walk"] for question in QUESTIONS.values()]
    assert sum(len(answer) > 10 for answer in answers) > len(answers) / 2
