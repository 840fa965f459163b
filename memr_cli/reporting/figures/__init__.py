"""The figures of a report, one module each; `canvas` and `palette` are what they share."""

import os


def _load_matplotlib() -> None:
    """Import matplotlib from a folder that no data lies in.

    It reads settings from a `matplotlibrc` in the current folder before anything can be said about
    it. Who makes a report of somebody else's results stands in their folder, where such a file may
    hold what stops the report, or be a pipe that it waits at for ever.
    """
    here = os.open(os.curdir, getattr(os, "O_PATH", os.O_RDONLY))  # which may have no name by now
    try:
        os.chdir("/")
        import matplotlib as mpl  # noqa: F401
    finally:
        os.fchdir(here)
        os.close(here)


_load_matplotlib()
