"""Python modules that a job asks for, in an environment of their own over its runtime.

An environment holds what the installer had to add to the runtime and sees the rest through it: so the runtime stays
as it is, and a module that is there already in a fitting version is not fetched again. It is named after what it is
made of, built beside the others, and becomes visible by one rename: it is there whole or not at all. Whoever asks for
one that is being built waits for it. Owns the directory of these environments.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from mastic.executors import library_sets, module_pruning, packed
from mastic.executors.base import InstallationAbandoned, InstallationFailed, ModuleSet

log = structlog.get_logger()

# What the installer sees of the server's environment: where packages come from, and how to get there.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
INHERITED_PREFIXES = ("PIP_",)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
# These would put the modules somewhere else, or nowhere.
REFUSED_OPTIONS = (
    "-t", "--target", "--prefix", "--root", "--user", "--python", "--dry-run", "--download", "-d", "--report", "--log",
)  # fmt: skip
NAMING = ("-r", "--requirement", "-e", "--editable")  # options of the installer that name modules
VALUED = "rceif"  # short options of the installer that take a value
LONGEST = 20 * 60.0  # seconds
POLL = 0.2
TOLD = 1500  # characters of the installer's last words that an error message has
VERSION = 2


class ModuleEnvironments:
    """Builds and finds environments under ``directory``. ``interpreter`` answers where a runtime's Python is,
    ``locks`` has the sets of modules."""

    def __init__(
        self,
        *,
        directory: Path,
        interpreter: Callable[[str], Path | None],
        locks: Path = library_sets.LOCKS,
    ) -> None:
        self._locks = locks
        self._directory = directory
        self._interpreter = interpreter

    def find(self, runtime: str, wanted: ModuleSet, *, abandoned: Callable[[], bool]) -> Path:
        """The Python of the environment, built now if need be; gives up when ``abandoned`` says so.

        Raises InstallationFailed with the installer's reason, InstallationAbandoned.
        """
        base = self._interpreter(runtime)
        if base is None:
            raise InstallationFailed(f"The runtime {runtime} is not installed.")
        _check(wanted)
        name = self._name(base, wanted)
        place = self._directory / name
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock(name, abandoned):
            if not place.exists():
                self._build(base, wanted, place, abandoned)
            module_pruning.used(self._directory / f"{name}.lock")
        return place / "bin" / "python"

    def _name(self, base: Path, wanted: ModuleSet) -> str:
        # The runtime's directory is named after its content, so a runtime that is renewed has other environments.
        home = base.parent.parent.resolve()
        ingredients = {
            "version": VERSION,
            "runtime": str(home),
            "modules": list(wanted.modules),
            "options": list(wanted.options),
            "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in wanted.files},
        }
        if wanted.library_set:
            ingredients["library set"] = library_sets.requirements(
                wanted.library_set, wanted.modules, locks=self._locks
            )
        if wanted.archive is not None:
            ingredients["archive"] = hashlib.sha256(wanted.archive.read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:32]

    @contextmanager
    def _lock(self, name: str, abandoned: Callable[[], bool]) -> Iterator[None]:
        with (self._directory / f"{name}.lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if abandoned():
                        raise InstallationAbandoned from None
                    time.sleep(POLL)
            yield

    # -- building ----------------------------------------------------------------------------------

    def _build(self, base: Path, wanted: ModuleSet, place: Path, abandoned: Callable[[], bool]) -> None:
        """Under the lock: what an earlier builder left half made is nobody's."""
        for left in self._directory.glob(f"{place.name}.making-*"):
            shutil.rmtree(left, ignore_errors=True)
        # A name of its own: an installer that outlives a killed server writes to what is gone, not into this one.
        making = Path(tempfile.mkdtemp(prefix=f"{place.name}.making-", dir=self._directory))
        # Not by their names: an address among them may carry a password.
        log.info("modules_installing", environment=place.name, modules=len(wanted.modules))
        try:
            self._run([str(base), "-m", "venv", "--without-pip", str(making)], making, abandoned)
            _look_through(base, making)
            if wanted.archive is not None:
                packed.unpack(wanted.archive, making)
                _relocate(making, place)
                making.rename(place)
                return
            installer = [sys.executable, "-m", "pip", "--python", str(making / "bin" / "python")]
            installer += ["install", "--no-input", "--disable-pip-version-check"]
            fitted = self._install_set(installer, wanted, making, abandoned)
            modules = [_here(one, wanted.files) for one in wanted.modules]
            named = modules or any(one.startswith(NAMING) for one in wanted.options)
            if named or not fitted:
                self._run([*installer, *fitted, *wanted.options, *modules], making, abandoned)
            _relocate(making, place)
            making.rename(place)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def _install_set(
        self, installer: list[str], wanted: ModuleSet, making: Path, abandoned: Callable[[], bool]
    ) -> list[str]:
        """Install the set, each file checked; returns what has the installer fit other modules to it."""
        if not wanted.library_set:
            return []
        lines = library_sets.requirements(wanted.library_set, wanted.modules, locks=self._locks)
        locked, pins = making / "library-set.txt", making / "library-set.pins.txt"
        locked.write_text("\n".join([*lines, ""]))
        pins.write_text("\n".join([*map(library_sets.pin, lines), ""]))
        places = library_sets.places(wanted.options)
        checked = ["--no-deps", "--require-hashes", "-r", str(locked)]
        self._run([*installer, *places, *checked], making, abandoned)
        return ["-c", str(pins)]

    def _run(self, command: list[str], making: Path, abandoned: Callable[[], bool]) -> None:
        said = making / "installer.log"
        deadline = time.monotonic() + LONGEST
        with said.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=making,
                env=_environment(),
                start_new_session=True,
            )
        try:
            while process.poll() is None:
                if abandoned():
                    raise InstallationAbandoned
                if time.monotonic() > deadline:
                    raise InstallationFailed(f"The installation took longer than {LONGEST / 60:.0f} minutes.")
                try:
                    process.wait(POLL)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise InstallationFailed(_last_words(said.read_text(errors="replace")))


def _check(wanted: ModuleSet) -> None:
    for option in wanted.options:
        if _is_refused(option):
            name = option.partition("=")[0]
            raise InstallationFailed(
                f"The installer's option {name} is not served: it says where modules go."
            )
    for module in wanted.modules:
        if module.startswith("-"):
            raise InstallationFailed(
                f"{module.partition('=')[0]} is no module: options go into --python-modules-installer-option."
            )


def _is_refused(option: str) -> bool:
    """Whether the installer would take a word for an option of REFUSED_OPTIONS, spelled as it lets one spell them."""
    if option.startswith("--"):
        name = option.partition("=")[0]
        # It completes what is the beginning of one option only. "--pre" is an option, and whole.
        return name not in ("--", "--pre") and any(one.startswith(name) for one in REFUSED_OPTIONS)
    if not option.startswith("-"):
        return False
    for letter in option[1:]:
        if f"-{letter}" in REFUSED_OPTIONS:
            return True
        if letter in VALUED:
            return False  # the rest is its value
    return False


def _environment() -> dict[str, str]:
    def kept(name: str) -> bool:
        return name in INHERITED or name.startswith(INHERITED_PREFIXES) or name.upper() in PROXIES

    return {name: value for name, value in os.environ.items() if kept(name)}


def _here(module: str, files: tuple[Path, ...]) -> str:
    """A module as the installer is told it: a file that was fetched is named by its place."""
    return next((str(file) for file in files if file.name == module), module)


def _look_through(base: Path, making: Path) -> None:
    """Let the environment see the runtime behind itself, and what is linked into the runtime."""
    answer = subprocess.run(
        [str(base), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
    )
    site = answer.stdout.strip()
    own = next(making.glob("lib/python*/site-packages"))
    (own / "runtime.pth").write_text(f"import site; site.addsitedir({site!r})\n")


def _relocate(making: Path, place: Path) -> None:
    """Scripts and settings name the directory that they were made in: have them name the one they will be in."""
    old, new = str(making).encode(), str(place).encode()
    for file in [making / "pyvenv.cfg", *(making / "bin").iterdir()]:
        if file.is_symlink() or not file.is_file():
            continue
        content = file.read_bytes()
        if old in content:
            mode = file.stat().st_mode
            file.write_bytes(content.replace(old, new))
            file.chmod(mode)


def _last_words(text: str) -> str:
    """What the installer said in the end: its errors, else its last lines."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lstrip().lower().startswith("error")]
    return "\n".join(errors or lines[-15:])[-TOLD:]
