"""What the consumer of a walk sees, as a list; two walks are the same if their lists are.

Knows neither the tree nor what the consumer does to it: that is the `step` of a test.
"""

import itertools
import os

import pwalk


def ours(top, *, ignore_snapshots=False, **options):
    """`pwalk.walk`, which like `os.walk` shall enter snapshots in these tests."""
    return pwalk.walk(top, ignore_snapshots=ignore_snapshots, **options)


def transcript(walk, top, *, step=None, limit=None, **options):
    """Triples, calls of `onerror`, and how it ended.

    `step(n, dirpath, dirnames)` is called for each triple, and may do what a consumer may do.
    """
    seen = []

    def onerror(error):
        names = (error.filename, error.filename2)
        seen.append(("onerror", type(error), error.errno, error.strerror, names))

    try:
        triples = walk(top, onerror=onerror, **options)
        for n, triple in enumerate(itertools.islice(triples, limit)):
            dirpath, dirnames, filenames = triple
            kinds = tuple(map(type, (triple, dirpath, dirnames, filenames)))
            seen.append((*kinds, dirpath, list(dirnames), list(filenames)))
            if step:
                step(n, dirpath, dirnames)
    except Exception as error:
        seen.append(("raised", type(error)))
    return seen


def assert_equal(got, expected):
    """Shows the first difference only, and what came before it."""
    for n, (one, other) in enumerate(itertools.zip_longest(got, expected)):
        assert one == other, f"event {n} differs; before it: {expected[max(0, n - 2) : n]}"


def assert_same_walk(top, **options):
    """`pwalk.walk` and `os.walk` look the same to this consumer, who changes no file."""
    max_threads = options.pop("max_threads", None)
    expected = transcript(os.walk, top, **options)
    assert_equal(transcript(ours, top, max_threads=max_threads, **options), expected)
    return expected


def assert_same_walk_of_twins(build, **options):
    """As `assert_same_walk`, for a consumer who changes the tree: `build()` makes it anew.

    The tree is built twice at the same path, so that its folders have the same order.
    """
    expected = transcript(os.walk, build(), **options)
    assert_equal(transcript(ours, build(), **options), expected)
    return expected
