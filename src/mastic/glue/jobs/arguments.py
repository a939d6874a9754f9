"""Job arguments: precedence, what the service adds, what reaches the script's argv. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mastic.errors import invalid_input

LARGEST = 260 * 1024

# Set by the service for every run; what a caller passes under these names does not reach the script twice.
INJECTED = ("--JOB_ID", "--JOB_NAME", "--JOB_RUN_ID", "--WORKFLOW_NAME", "--WORKFLOW_RUN_ID")

# Read by Mastic alone: Glue has no such argument, so scripts never expect it.
ENGINE = "--engine"
ENGINES = ("auto", "sail", "spark")


# The arguments that set environment variables: of the driver, of the executors.
ENVIRONMENTS = ("--customer-driver-env-vars", "--customer-executor-env-vars")

# Which argument names Python modules to install, and which their archives.
_MODULES = {"glueray": "--pip-install"}
_ARCHIVES = {"glueray": "--s3-py-modules"}

# What Python shell jobs find beside the standard library: spelt without dashes by AWS, and with them by some.
LIBRARY_SETS = ("library-set", "--library-set")
# The set that a script of each command has when it imports one of these, which it has not anyway.
_SETS = {
    "pythonshell": (
        "analytics",
        "avro awswrangler elasticsearch psycopg2 pyathena pyodbc pyorc redshift_connector sqlalchemy",
    ),
    **dict.fromkeys(
        ("glueetl", "gluestreaming"),
        (
            "glueetl",
            "avro kaleido lxml matplotlib mpmath nltk patsy pil plotly pmdarima pydot regex seaborn statsmodels "
            "sympy tbats tqdm",
        ),
    ),
}
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([\w., \t]+)", re.MULTILINE)

_COMMA_OUTSIDE_QUOTES = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")
_CONSTRAINT = re.compile(r"[<>=!~]")


def merge(
    defaults: Mapping[str, str] | None, given: Mapping[str, str] | None, fixed: Mapping[str, str] | None
) -> dict[str, str]:
    """DefaultArguments, overridden by the run's Arguments, overridden by NonOverridableArguments."""
    return {**(defaults or {}), **(given or {}), **(fixed or {})}


def check(name: str, values: Mapping[str, str] | None) -> None:
    """Raise InvalidInputException for arguments that Glue would not store."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in (values or {}).items())
    if size > LARGEST:
        raise invalid_input(f"{name} has {size} bytes; at most {LARGEST} are allowed")


def argv(
    script: str,
    merged: Mapping[str, str],
    *,
    job_name: str,
    job_id: str,
    run_id: str,
    security_configuration: str | None = None,
    workflow_name: str | None = None,
    workflow_run_id: str | None = None,
) -> list[str]:
    """The script's ``sys.argv``: its name, its arguments in the order of their keys' definition, the service's own."""
    words = [script]
    for key, value in merged.items():
        if key not in INJECTED and key != ENGINE:
            words += [key, value]
    if "--job-bookmark-option" not in merged:
        words += ["--job-bookmark-option", "job-bookmark-disable"]
    injected = {
        "--JOB_ID": job_id,
        "--JOB_RUN_ID": run_id,
        "--JOB_NAME": job_name,
        "--SECURITY_CONFIGURATION": security_configuration,
        "--WORKFLOW_NAME": workflow_name,
        "--WORKFLOW_RUN_ID": workflow_run_id,
    }
    for key, text in injected.items():
        if text:
            words += [key, text]
    return words


def engine(merged: Mapping[str, str], default: str) -> str:
    """The engine that the run asks for; raises InvalidInputException for an unknown one."""
    wanted = merged.get(ENGINE, default) or default
    if wanted not in ENGINES:
        raise invalid_input(f"{ENGINE} is {wanted!r}: use one of {', '.join(ENGINES)}")
    return wanted


def files(merged: Mapping[str, str], key: str) -> list[str]:
    """The comma-separated S3 paths of an argument such as ``--extra-py-files``."""
    return [part.strip() for part in merged.get(key, "").split(",") if part.strip()]


def enabled(merged: Mapping[str, str], key: str) -> bool:
    """Whether a switch such as ``--enable-metrics`` is on: given, and not "false"."""
    return key in merged and merged[key].strip().lower() != "false"


def environment(merged: Mapping[str, str], key: str) -> dict[str, str]:
    """The variables of ``NAME=value,NAME="a, b"``; raises InvalidInputException for what is none."""
    found: dict[str, str] = {}
    for part in _COMMA_OUTSIDE_QUOTES.split(merged.get(key, "")):
        if not part.strip():
            continue
        name, equals, value = part.strip().partition("=")
        if not equals or not name.isidentifier():
            raise invalid_input(f"{key}: {part.strip()!r} is not NAME=value")
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        found[name] = value[1:-1] if quoted else value
    return found


def modules_argument(command: str) -> str:
    """The argument by which a job of this kind asks for Python modules."""
    return _MODULES.get(command, "--additional-python-modules")


def archives_argument(command: str) -> str:
    """The argument by which a job of this kind brings modules of its own."""
    return _ARCHIVES.get(command, "--extra-py-files")


def modules(merged: Mapping[str, str], command: str = "glueetl") -> list[str]:
    """The list of ``--additional-python-modules``, of Ray jobs ``--pip-install``.

    A comma inside one module's brackets or versions does not divide.
    """
    found: list[str] = []
    for part in _COMMA_OUTSIDE_BRACKETS.split(merged.get(modules_argument(command), "")):
        part = part.strip()
        if found and _CONSTRAINT.match(part):
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found


def library_set(merged: Mapping[str, str]) -> str | None:
    """Which set, "analytics" or "none", as a Python shell job asks for; None where it leaves that open.

    Raises InvalidInputException.
    """
    given = next(
        (merged[name].strip().lower() for name in LIBRARY_SETS if merged.get(name, "").strip()), None
    )
    if given not in (None, "analytics", "none"):
        raise invalid_input(f"library-set is {given!r}: use analytics or none.")
    return given


def imported_set(script: str, command: str) -> str:
    """The library set of which a script of a job of this command imports a module, "" for none."""
    name, modules = _SETS.get(command, ("", ""))
    imported = {
        found.split()[0].split(".")[0].lower()
        for line in _IMPORT.findall(script)
        for found in line.split(",")
        if found.strip()
    }
    return "" if imported.isdisjoint(modules.split()) else name
