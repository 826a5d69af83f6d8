"""How long the long tests are.

`make soak` sets SOAK_MINUTES to the share of one test; unset, as in `make
test`, every test has its short form.  A test with a long form carries the
marker `soak`, which also gives it the time.
"""

import os

MINUTES = float(os.environ.get("SOAK_MINUTES") or 0)


def scaled(short, per_minute, name=None):
    """How many rounds (seconds, groups) a test makes: short, or what fills
    its share of a soak.  A variable of that name in the environment wins."""
    kind = type(short)
    if name is not None and name in os.environ:
        return kind(float(os.environ[name]))
    return max(short, kind(MINUTES * per_minute))


def patience(seconds):
    """The longest that a test may take whose usual limit is that: a machine
    with other work to do may need several times its share."""
    return int(seconds + 60 * 4 * MINUTES)
