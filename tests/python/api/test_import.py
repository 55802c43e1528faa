"""`import pwalk` loads next to nothing: the rest is loaded when it is first used."""

import pwalk
import pytest

from api.process import python

IMPORT = """
import sys
before = set(sys.modules)
import WHAT
print(*(set(sys.modules) - before))
"""


@pytest.mark.parametrize("what", ["pwalk", "pwalk._command"])
def test_the_import_loads_the_native_part_and_nothing_else(what):
    loaded = set(python(IMPORT.replace("WHAT", what)).split())
    # `atexit` is built in.
    assert loaded - {"atexit"} == {"pwalk", "pwalk._pwalk", what}


def test_a_walk_loads_nothing_heavy():
    loaded = python("import sys, pwalk; next(pwalk.walk('/')); print(*sys.modules)").split()
    assert not {"asyncio", "concurrent", "dataclasses", "inspect", "json", "tempfile"} & {*loaded}


ALL = """
import pwalk
names = {}
exec("from pwalk import *", names)
assert {*pwalk.__all__} <= {*names}, {*pwalk.__all__} - {*names}
assert {*pwalk.__all__} <= {*dir(pwalk)}
"""


def test_every_public_name_is_there_at_its_first_use():
    python(ALL)
    for name in pwalk.__all__:
        assert getattr(pwalk, name) is getattr(pwalk, name)
    with pytest.raises(AttributeError, match="module 'pwalk' has no attribute 'missing'"):
        _ = pwalk.missing


EARLIER = [
    "from pwalk.report import report; import pwalk; assert pwalk.report is report",
    "import pwalk; f = pwalk.report; from pwalk.report import report; assert pwalk.report is f",
    "from pwalk.walk import walk; import pwalk; assert pwalk.walk is walk and next(walk('.'))",
    "import pwalk.report, pwalk.walk; assert callable(pwalk.report) and callable(pwalk.walk)",
    "from pwalk.cli import main; from pwalk._command import main as other; assert main is other",
    "import pickle, pwalk.report; assert pickle.loads(pickle.dumps(pwalk.report)) is pwalk.report",
]


@pytest.mark.parametrize("program", EARLIER)
def test_import_paths_of_python_pwalk_lead_to_the_same_functions(program):
    python(program)
