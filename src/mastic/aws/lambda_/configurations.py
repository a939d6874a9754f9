"""A function's configuration: what clients may say, what they are shown. Pure; owns no state."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from mastic.aws.lambda_.names import invalid
from mastic.errors import ServiceError

RUNTIME = re.compile(r"python3\.\d+\Z")
LARGEST_ENVIRONMENT = 4096
RESERVED = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    }
)  # fmt: skip
REFUSED = {
    "FileSystemConfigs": "file systems are not mounted into functions",
    "ImageConfig": "container images do not run",
    "TenancyConfig": "tenancy is not implemented",
    "CapacityProviderConfig": "capacity providers are not implemented",
    "DurableConfig": "durable functions are not implemented",
    "CodeSigningConfigArn": "code signing is not implemented",
    "RuntimeConfig": "runtime configuration is not implemented",
    "AcceleratorConfig": "accelerators are not implemented",
    "PublishTo": "publishing elsewhere than to versions is not implemented",
}
_PLAIN = ("Role", "Handler", "Runtime", "Description", "Timeout", "MemorySize", "KMSKeyArn")

DescribeLayers = Callable[[list[str]], list[dict[str, Any]]]
"""Layer version ARNs → what is shown of them; raises InvalidParameterValueException for one that is missing."""


def check(request: Mapping[str, Any]) -> None:
    """Refuse what cannot be done here."""
    for member, reason in REFUSED.items():
        if request.get(member):
            raise invalid(f"{member}: {reason} by Mastic")
    if request.get("PackageType", "Zip") != "Zip":
        raise invalid(
            "PackageType Image: container images do not run here; give the function's code as a .zip file"
        )
    runtime = request.get("Runtime")
    if runtime is not None and not RUNTIME.match(runtime):
        raise invalid(
            f"Runtime {runtime} does not run here: Mastic runs the Python runtimes (python3.8 … python3.14), "
            f"all of them on Python {sys.version_info.major}.{sys.version_info.minor}"
        )
    if (request.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise invalid("SnapStart is not implemented by Mastic")
    _check_environment((request.get("Environment") or {}).get("Variables") or {})


def created(name: str, request: Mapping[str, Any], layers: DescribeLayers) -> dict[str, Any]:
    """The configuration of a new function."""
    for member in ("Handler", "Runtime"):
        if not request.get(member):
            raise invalid(f"{member} is mandatory for functions created with deployment packages.")
    body: dict[str, Any] = {
        "FunctionName": name,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "PackageType": "Zip",
        "Architectures": request.get("Architectures") or ["x86_64"],
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    return updated(body, request, layers)


def updated(old: Mapping[str, Any], request: Mapping[str, Any], layers: DescribeLayers) -> dict[str, Any]:
    """The configuration with the members that the request gives."""
    body = dict(old)
    for member in _PLAIN:
        if member in request:
            body[member] = request[member]
    if not body.get("KMSKeyArn"):
        body.pop("KMSKeyArn", None)
    if "Environment" in request:
        variables = (request["Environment"] or {}).get("Variables")
        body.pop("Environment", None)
        if variables:
            body["Environment"] = {"Variables": variables}
    if "DeadLetterConfig" in request:
        body.pop("DeadLetterConfig", None)
        target = (request["DeadLetterConfig"] or {}).get("TargetArn")
        if target:
            if target.split(":")[2:3] not in (["sqs"], ["sns"]):
                raise invalid(f"The provided target ARN {target} is not that of an SQS queue or an SNS topic")
            body["DeadLetterConfig"] = {"TargetArn": target}
    if "VpcConfig" in request:
        vpc = request["VpcConfig"] or {}
        body.pop("VpcConfig", None)
        if vpc.get("SubnetIds"):
            body["VpcConfig"] = {
                "SubnetIds": vpc["SubnetIds"], "SecurityGroupIds": vpc.get("SecurityGroupIds", []), "VpcId": "",
                "Ipv6AllowedForDualStack": vpc.get("Ipv6AllowedForDualStack", False),
            }  # fmt: skip
    if "Layers" in request:
        body.pop("Layers", None)
        if request["Layers"]:
            body["Layers"] = layers(request["Layers"])
    for member in ("TracingConfig", "EphemeralStorage"):
        if request.get(member):
            body[member] = request[member]
    if request.get("LoggingConfig"):
        body["LoggingConfig"] = _logging({**body["LoggingConfig"], **request["LoggingConfig"]})
    return body


def shown(
    body: Mapping[str, Any], *, arn: str, version: str, revision: str, sha: str, modified: datetime
) -> dict[str, Any]:
    """``FunctionConfiguration``."""
    return {
        **body,
        "FunctionArn": arn,
        "Version": version,
        "RevisionId": revision,
        "CodeSha256": sha,
        "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.") + f"{modified.microsecond // 1000:03d}+0000",
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "RuntimeVersionConfig": {"RuntimeVersionArn": runtime_arn(arn)},
    }


def runtime_arn(arn: str) -> str:
    """An ARN for the interpreter that functions run on."""
    version = "".join(f"{part:02d}" for part in sys.version_info[:3])
    return f"arn:aws:lambda:{arn.split(':')[3]}::runtime:{version:0>64}"


def _logging(given: dict[str, Any]) -> dict[str, Any]:
    if given["LogFormat"] == "Text":
        if "ApplicationLogLevel" in given or "SystemLogLevel" in given:
            raise invalid(
                "Log levels are not supported when the log format is Text. Choose the JSON log format."
            )
        return given
    return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **given}


def _check_environment(variables: Mapping[str, str]) -> None:
    reserved = sorted(RESERVED & set(variables))
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(reserved)}"
        )
    size = len(orjson.dumps(dict(variables))) if variables else 0
    if size > LARGEST_ENVIRONMENT:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {size} bytes"
        )


def too_large(size: int, limit: int) -> ServiceError:
    """``RequestTooLargeException``."""
    return ServiceError(
        "RequestTooLargeException",
        f"{size} byte payload is too large for the invocation (limit {limit} bytes)",
        status=413,
        Type="User",
    )
