"""Opening a page in headless Chromium, with a profile of its own and no way to the network."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

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


class Keyboard:
    """A page in the browser, worked by keys alone: a context to enter and leave."""

    def __init__(self, browser: Browser, page: Path) -> None:
        self._messages = itertools.count(1)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        profile = f"--user-data-dir={browser.folder / 'keyboard'}"
        # It speaks its debugging protocol on descriptors 3 and 4.
        become = (
            f"import os, sys; os.dup2({to_browser}, 3); os.dup2({from_browser}, 4); "
            "os.execvp(sys.argv[1], sys.argv[1:])"
        )
        arguments = [browser.program, *_QUIET[:-1], profile, "--remote-debugging-pipe"]
        self._browser = subprocess.Popen(
            [sys.executable, "-c", become, *arguments],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._answers = os.fdopen(self._read, "rb")
        self._session: str | None = None
        target = self._call("Target.createTarget", url=page.as_uri())["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        loaded = "location.protocol == 'file:' && document.readyState == 'complete'"
        while not self.ask(loaded):
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        self._call("Browser.close")
        self._browser.wait(30)
        self._answers.close()
        os.close(self._write)

    def press(self, key: str) -> None:
        """Press and release Tab or Enter."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            what = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", **what, **(text if kind == "keyDown" else {}))

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._messages)
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": number, "method": method, "params": params, **session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _message(self) -> bytes:
        read = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser is gone"
            read += byte
        return bytes(read)
