"""Deployment packages: taken in, checked, kept by their SHA-256, unpacked where functions run, handed out again.

Owns the directory of unpacked packages, a cache: what is in it comes from the store. Owns nothing that must last.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from mastic.aws.lambda_.names import invalid
from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.store import lambda_, lambda_code
from mastic.store.engine import Store

LARGEST_UPLOAD = 52_428_800
LARGEST_UNZIPPED = 262_144_000
LINK_SECONDS = 600
# Packages that nothing refers to: an upload whose CreateFunction failed, or the code before an update.
UNUSED_FOR = timedelta(hours=1)
DOWNLOADS = "/_lambda"

ReadObject = Callable[[str, str], bytes]
"""``(bucket, key) → bytes``; raises ServiceError with S3's codes."""


class Packages:
    """Code of functions and layers."""

    def __init__(
        self, *, store: Store, clock: Clock, directory: Path, key: str, read_object: ReadObject
    ) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory
        self._key = hashlib.sha256(b"lambda code links\0" + key.encode()).digest()
        self._read_object = read_object
        self._unpacking = threading.Lock()

    def take(self, given: dict[str, Any]) -> tuple[str, int]:
        """Keep the package that ``ZipFile`` or ``S3Bucket``/``S3Key`` give; returns its SHA-256 (hex) and size.

        Raises InvalidParameterValueException, RequestEntityTooLargeException.
        """
        data = self._bytes(given)
        check(data)
        sha = hashlib.sha256(data).hexdigest()
        with self._store.read() as tx:
            known = lambda_code.size_of(tx, sha) is not None
        if not known:
            for number, start in enumerate(range(0, len(data), lambda_code.PIECE)):
                with self._store.write() as tx:
                    lambda_code.put_piece(tx, sha, number, data[start : start + lambda_code.PIECE])
        with self._store.write() as tx:
            lambda_code.put(tx, sha, len(data), self._clock.now())
        self.unpacked(sha)
        return sha, len(data)

    def unpacked(self, sha: str) -> Path:
        """The directory with the package's files."""
        place = self._directory / "code" / sha
        if not place.is_dir():
            with self._unpacking:
                if not place.is_dir():
                    self._unpack((sha,), place)
        return place

    def merged(self, shas: Sequence[str]) -> Path:
        """The directory with the files of several layers, later ones over earlier ones: a function's ``/opt``."""
        name = hashlib.sha256("\0".join(shas).encode()).hexdigest()
        place = self._directory / "opt" / name
        if not place.is_dir():
            with self._unpacking:
                if not place.is_dir():
                    self._unpack(shas, place)
        return place

    def read(self, sha: str) -> bytes:
        """The package as it was uploaded."""
        with self._store.read() as tx:
            return b"".join(lambda_code.pieces(tx, sha))

    def location(self, endpoint: str, sha: str) -> str:
        """A URL from which the package can be downloaded for some minutes."""
        until = int(self._clock.now().timestamp()) + LINK_SECONDS
        return f"{endpoint}{DOWNLOADS}/code/{sha}?Expires={until}&Signature={self._signature(sha, until)}"

    def may_download(self, sha: str, expires: str, signature: str) -> bool:
        """Whether a URL's signature is ours and its time is not over."""
        if not expires.isdigit() or int(expires) < self._clock.now().timestamp():
            return False
        return hmac.compare_digest(signature, self._signature(sha, int(expires)))

    def tidy(self) -> None:
        """Remove packages that nothing refers to, here and in the store."""
        with self._store.write() as tx:
            gone = lambda_code.remove_unused(tx, lambda_.shas_in_use(tx), self._clock.now() - UNUSED_FOR)
        for sha in gone:
            shutil.rmtree(self._directory / "code" / sha, ignore_errors=True)

    def _signature(self, sha: str, until: int) -> str:
        return hmac.new(self._key, f"{sha}:{until}".encode(), "sha256").hexdigest()

    def _bytes(self, given: dict[str, Any]) -> bytes:
        if given.get("ImageUri"):
            raise invalid("Container images do not run here: give the function's code as a .zip file")
        if given.get("ZipFile") is not None:
            data: bytes = given["ZipFile"]
            if len(data) > LARGEST_UPLOAD:
                raise ServiceError(
                    "RequestEntityTooLargeException",
                    f"Request must be smaller than {LARGEST_UPLOAD} bytes for the operation",
                    status=413,
                )
            return data
        bucket, key = given.get("S3Bucket"), given.get("S3Key")
        if not bucket or not key:
            raise invalid("Please provide a source for function code.")
        if given.get("S3ObjectVersion"):
            raise invalid("S3ObjectVersion: Mastic takes the current version of the object")
        try:
            return self._read_object(bucket, key)
        except ServiceError as error:
            raise invalid(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from error

    def _unpack(self, shas: Sequence[str], place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=place.parent))
        try:
            for sha in shas:
                unzip(self.read(sha), fresh)
            fresh.chmod(0o755)
            os.rename(fresh, place)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def digest(sha: str) -> str:
    """A SHA-256 in hex → ``CodeSha256``, which is base64."""
    return base64.b64encode(bytes.fromhex(sha)).decode()


def check(data: bytes) -> None:
    """Refuse what is not a zip file, is too large, or would write outside its directory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error
    if not entries:
        raise invalid("Uploaded file must be a non-empty zip")
    if sum(entry.file_size for entry in entries) > LARGEST_UNZIPPED:
        raise invalid(f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in entry.filename:
            raise invalid(f"Could not unzip uploaded file: {entry.filename!r} leads out of the package")


def unzip(data: bytes, place: Path) -> None:
    """Write a checked package's files below ``place``; never more than the limit, whatever its headers say."""
    left = LARGEST_UNZIPPED
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            target = place / entry.filename.replace("\\", "/")
            mode = entry.external_attr >> 16
            # A link of the package may stand in the way: it must not lead anywhere else.
            _stay_inside(place, target.parent if stat.S_ISLNK(mode) else target)
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                _link(place, target, archive.read(entry).decode())
                continue
            with archive.open(entry) as source, target.open("wb") as file:
                while piece := source.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        raise invalid(f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes")
                    file.write(piece)
            target.chmod(0o755 if mode & 0o111 else 0o644)


def _link(place: Path, target: Path, destination: str) -> None:
    """A symbolic link, as long as it stays inside the package."""
    if os.path.isabs(destination):
        raise invalid(f"Could not unzip uploaded file: the link {target.name!r} leads out of the package")
    _stay_inside(place, target.parent / destination)
    target.unlink(missing_ok=True)
    target.symlink_to(destination)


def _stay_inside(place: Path, path: Path) -> None:
    """Raise for a path that is outside of ``place`` once the links on its way have been followed."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(place)):
        raise invalid(f"Could not unzip uploaded file: {path.name!r} leads out of the package")
