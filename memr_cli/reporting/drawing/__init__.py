"""The figures of a report, one module each; `canvas` and `palette` are what they share."""

import os
from pathlib import Path

_PLACES = {"MPLCONFIGDIR", "MATPLOTLIBRC", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"}
"""Where a person's own settings are, and what matplotlib keeps."""


def _load_matplotlib() -> None:
    """Import matplotlib from a folder that no data lies in.

    It reads settings from a `matplotlibrc` in the current folder before anything can be said about
    it. Who makes a report of somebody else's results stands in their folder, where such a file may
    hold what stops the report, or be a pipe that it waits at for ever.
    """
    try:
        for name in _PLACES & os.environ.keys():
            os.environ[name] = str(Path(os.environ[name]).absolute())
        here = os.open(os.curdir, getattr(os, "O_PATH", os.O_RDONLY))  # it may have no name by now
    except OSError:
        return  # a folder that cannot be searched, in which nothing is found to read
    try:
        os.chdir("/")
        import matplotlib as mpl  # noqa: F401
    finally:
        os.fchdir(here)
        os.close(here)


_load_matplotlib()
