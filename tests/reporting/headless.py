"""Opening a page in headless Chromium, with a profile of its own and no way to the network."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=8000",
)


class Browser:
    """One browser program; every call starts it afresh."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self._calls = 0

    def dump(self, page: Path, *, dark: bool = False) -> str:
        """The document after its scripts have run."""
        return self._run(page, "--dump-dom", dark=dark)

    def screenshot(self, page: Path, image: Path) -> list[str]:
        """Draw the page as a reader sees it; returns the addresses that it asked the network for.

        The browser asks for things of its own (time, updates); those have no page behind them.
        """
        log = self.folder / f"network{self._calls}.json"
        self._run(page, f"--screenshot={image}", "--window-size=1000,2000", f"--log-net-log={log}")
        events = json.loads(log.read_text())["events"]
        asked = [event.get("params", {}) for event in events]
        return [one["url"] for one in asked if _from_a_page(one)]

    def _run(self, page: Path, *arguments: str, dark: bool = False) -> str:
        self._calls += 1
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        profile = f"--user-data-dir={self.folder / f'profile{self._calls}'}"
        done = subprocess.run(
            [self.program, *_QUIET, profile, scheme, *arguments, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        return done.stdout


def find_browser(folder: Path) -> Browser:
    """The Chromium of this machine; without one the test is skipped, but in CI it fails."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        reason = f"no Chromium on PATH (looked for {', '.join(_NAMES)})"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; CI has to open the page")
        pytest.skip(reason)
    return Browser(program, folder)


def _from_a_page(event: dict[str, Any]) -> bool:
    url = event.get("url", "")
    return (
        url.startswith(("http:", "https:", "ws:", "wss:", "ftp:"))
        and event.get("initiator", "not an origin") != "not an origin"
    )
