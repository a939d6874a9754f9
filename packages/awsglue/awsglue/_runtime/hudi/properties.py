"""`.hoodie/hoodie.properties`: what a table is, for as long as it is there."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from awsglue._runtime.io.storage import Storage, join

FILE = ".hoodie/hoodie.properties"
# The one version of tables that is read and written.
VERSION = "6"
TIMELINE_LAYOUT = "1"
SIMPLE = "org.apache.hudi.keygen.SimpleKeyGenerator"
COMPLEX = "org.apache.hudi.keygen.ComplexKeyGenerator"
NONPARTITIONED = "org.apache.hudi.keygen.NonpartitionedKeyGenerator"
CUSTOM = "org.apache.hudi.keygen.CustomKeyGenerator"
TIMESTAMP = "org.apache.hudi.keygen.TimestampBasedKeyGenerator"
# Whether ComplexKeyGenerator makes of a single field its value alone, without the field's name.
BARE_KEYS = "hoodie.write.complex.keygen.new.encoding"
PARTITION_FIELDS = "hoodie.table.partition.fields"


@dataclass(frozen=True, kw_only=True)
class TableConfig:
    """The settings of one table."""

    entries: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        return self.entries.get(name, default)

    @property
    def name(self) -> str:
        return self.get("hoodie.table.name")

    @property
    def type(self) -> str:
        return self.get("hoodie.table.type", "COPY_ON_WRITE")

    @property
    def merge_on_read(self) -> bool:
        return self.type == "MERGE_ON_READ"

    @property
    def version(self) -> str:
        return self.get("hoodie.table.version", "0")

    @property
    def record_keys(self) -> list[str]:
        return names(self.get("hoodie.table.recordkey.fields"))

    @property
    def partition_fields(self) -> list[str]:
        return names(self.get(PARTITION_FIELDS))

    @property
    def time_fields(self) -> list[str]:
        """The partition fields that are points in time."""
        if self.key_generator == TIMESTAMP:
            return self.partition_fields
        return timed(self.get(PARTITION_FIELDS)) if self.key_generator == CUSTOM else []

    @property
    def named_keys(self) -> bool:
        """Whether a key of a single field begins with the field's name."""
        return self.key_generator == COMPLEX and self.get(BARE_KEYS).lower() != "true"

    @property
    def precombine(self) -> str:
        return self.get("hoodie.table.precombine.field")

    @property
    def key_generator(self) -> str:
        return self.get("hoodie.table.keygenerator.class")

    @property
    def hive_style(self) -> bool:
        return self.get("hoodie.datasource.write.hive_style_partitioning").lower() == "true"

    @property
    def url_encode(self) -> bool:
        return self.get("hoodie.datasource.write.partitionpath.urlencode").lower() == "true"

    @property
    def drops_partition_columns(self) -> bool:
        return self.get("hoodie.datasource.write.drop.partition.columns").lower() == "true"

    @property
    def meta_fields(self) -> bool:
        return self.get("hoodie.populate.meta.fields", "true").lower() == "true"

    @property
    def payload(self) -> str:
        return self.get("hoodie.compaction.payload.class")


def names(text: str) -> list[str]:
    """A list of names in a setting; `field:SIMPLE` of CustomKeyGenerator is just the field."""
    return [one.strip().partition(":")[0] for one in text.split(",") if one.strip()]


def timed(text: str) -> list[str]:
    """The names among these that are `field:TIMESTAMP`."""
    pairs = (one.strip().partition(":") for one in text.split(","))
    return [name for name, _, kind in pairs if kind.upper() == "TIMESTAMP"]


def parse(text: str) -> dict[str, str]:
    """A Java properties file."""
    found = {}
    for line in text.splitlines():
        line = line.strip()
        if line and line[0] not in "#!":
            key, _, value = line.partition("=")
            found[_plain(key.strip())] = _plain(value.strip())
    return found


def _plain(text: str) -> str:
    out, index = "", 0
    while index < len(text):
        if text[index] == "\\" and index + 1 < len(text):
            index += 1
            if text[index] == "u":
                out += chr(int(text[index + 1 : index + 5], 16))
                index += 4
            else:
                out += {"n": "\n", "t": "\t", "r": "\r"}.get(text[index], text[index])
        else:
            out += text[index]
        index += 1
    return out


def render(entries: dict[str, str]) -> bytes:
    """A Java properties file of these entries."""
    lines = ["#Properties saved by Mastic"]
    for key, value in entries.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace(":", "\\:").replace("=", "\\=")
        plain = "".join(char if ord(char) < 0x7F else _unicode(char) for char in escaped)
        lines.append(f"{key}={plain}")
    return ("\n".join(lines) + "\n").encode("ascii")


def cleared(text: bytes, keys: tuple[str, ...]) -> bytes:
    """The file with these settings empty, all else as it was."""
    lines = []
    for line in text.decode("utf-8").splitlines(keepends=True):
        key = _plain(line.partition("=")[0].strip())
        lines.append(f"{key}=\n" if key in keys else line)
    return "".join(lines).encode("utf-8")


def _unicode(char: str) -> str:
    raw = char.encode("utf-16-be")
    return "".join(f"\\u{raw[i]:02X}{raw[i + 1]:02X}" for i in range(0, len(raw), 2))


def checksum(database: str, table: str) -> str:
    """hoodie.table.checksum: by which Hudi sees whether the file is whole."""
    name = f"{database}.{table}" if database else table
    return str(zlib.crc32(name.encode("utf-8")))


def load(storage: Storage, path: str) -> TableConfig | None:
    """The settings of the table at this path; None without one."""
    place = join(path, FILE)
    if storage.head(place) is None:
        return None
    return TableConfig(entries=parse(storage.read(place).decode("utf-8")))
