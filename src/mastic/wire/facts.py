"""What AWS's services do on the wire that their models leave out, as data. Owns no state.

Sources: the services' API references ("Common Errors", S3's "Error Responses"), observed replies.
"""

from __future__ import annotations

from collections.abc import Mapping

# Signing names that differ from the directory name of the service's model.
SIGNING_ALIASES: Mapping[str, str] = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "email": "ses",
    "elasticloadbalancing": "elbv2",
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "execute-api": "apigateway",
    "tagging": "resourcegroupstaggingapi",
    "aoss": "opensearchserverless",
    "airflow": "mwaa",
}

# The code of "N validation errors detected", and of other input that cannot be right: ValidationException for services
# that speak JSON, ValidationError for query services, unless listed here.
CONSTRAINT_CODES: Mapping[str, str] = {
    "athena": "InvalidRequestException",
    "logs": "InvalidParameterException",
    "s3": "InvalidArgument",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "cognito-idp": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
}

# String shapes whose enum the model lists but the service itself does not hold to, or refuses in words of its
# own: their values reach the handler.
OPEN_ENUMS: Mapping[str, frozenset[str]] = {
    # ChecksumMode: the C++ SDK (and so PyArrow) writes it in lower case.
    "s3": frozenset({"BucketLocationConstraint", "ChecksumMode"}),
    # ConnectionType: users register further ones.
    "glue": frozenset({"ConnectionType"}),
    "lambda": frozenset({"Runtime"}),
    "sqs": frozenset({"QueueAttributeName", "MessageSystemAttributeName"}),
}

# Values that a service takes beside those of the model's enum (the Terraform provider's acceptance tests make them
# on AWS; the console does too).
MORE_VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "glue": {
        "ConnectionType": ("SNOWFLAKE", "ICEBERGRESTCATALOG"),
        "ConnectionPropertyKey": ("SparkProperties", "INSTANCE_URL", "CATALOG_CASING_FILTER"),
    },
}

_SQS = "AWS.SimpleQueueService."

# Codes of the query protocol that a model no longer carries though the service still sends them.
QUERY_CODES: Mapping[str, Mapping[str, str]] = {
    "sqs": {
        "QueueDoesNotExist": _SQS + "NonExistentQueue",
        "QueueNameExists": "QueueAlreadyExists",
        **{
            name: _SQS + name
            for name in (
                "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId",
                "MessageNotInflight", "PurgeQueueInProgress", "QueueDeletedRecently",
                "TooManyEntriesInBatchRequest", "UnsupportedOperation",
            )
        },
    },
}  # fmt: skip

# S3's codes without a status of their own in the model. Every other code of S3 is a 400.
S3_STATUS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "AccessDenied", "AccountProblem", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidObjectState",
            "InvalidPayer", "InvalidSecurity", "NotSignedUp", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
            "CrossLocationLoggingProhibited", "UnauthorizedAccess", "MethodNotAllowedForBucketOwner",
        ), 403,
    ),
    **dict.fromkeys(
        (
            "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion", "NoSuchBucketPolicy",
            "NoSuchLifecycleConfiguration", "NoSuchCORSConfiguration", "NoSuchWebsiteConfiguration", "NoSuchTagSet",
            "NoSuchTagSetError", "NoSuchConfiguration", "NoSuchPublicAccessBlockConfiguration",
            "NoSuchObjectLockConfiguration", "NoSuchAccessPoint", "ObjectLockConfigurationNotFoundError",
            "OwnershipControlsNotFoundError", "ReplicationConfigurationNotFoundError",
            "ServerSideEncryptionConfigurationNotFoundError", "MetadataConfigurationNotFound", "NotFound",
        ), 404,
    ),
    **dict.fromkeys(
        (
            "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "BucketNotEmpty", "ConditionalRequestConflict",
            "InvalidBucketState", "OperationAborted", "RestoreAlreadyInProgress",
        ), 409,
    ),
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "PreconditionFailed": 412,
    "NotModified": 304,
    "PermanentRedirect": 301,
    "InvalidRange": 416,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
}  # fmt: skip

# Modelled refusals of the front end: what happened → (code, status) by the protocol's family.
REFUSALS: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "missing": {
        "json": ("MissingAuthenticationTokenException", 400),
        "rest": ("MissingAuthenticationTokenException", 403),
        "query": ("MissingAuthenticationToken", 403),
        "s3": ("AccessDenied", 403),
    },
    "incomplete": {
        "json": ("IncompleteSignatureException", 400),
        "rest": ("IncompleteSignatureException", 403),
        "query": ("IncompleteSignature", 403),
        "s3": ("AuthorizationHeaderMalformed", 400),
    },
    "unknown key": {
        "json": ("UnrecognizedClientException", 400),
        "rest": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403),
        "s3": ("InvalidAccessKeyId", 403),
    },
    "mismatch": {
        "json": ("InvalidSignatureException", 400),
        "rest": ("InvalidSignatureException", 403),
        "query": ("SignatureDoesNotMatch", 403),
        "s3": ("SignatureDoesNotMatch", 403),
    },
    "skewed": {
        "json": ("InvalidSignatureException", 400),
        "rest": ("InvalidSignatureException", 403),
        "query": ("SignatureDoesNotMatch", 403),
        "s3": ("RequestTimeTooSkewed", 403),
    },
    "expired": {
        "json": ("InvalidSignatureException", 400),
        "rest": ("InvalidSignatureException", 403),
        "query": ("SignatureDoesNotMatch", 403),
        "s3": ("AccessDenied", 403),
    },
    "token": {
        "json": ("UnrecognizedClientException", 400),
        "rest": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403),
        "s3": ("InvalidToken", 400),
    },
    "unknown operation": {
        "json": ("UnknownOperationException", 400),
        "rest": ("UnknownOperationException", 404),
        "query": ("InvalidAction", 400),
        "s3": ("MethodNotAllowed", 405),
    },
    "not implemented": {
        "json": ("UnknownOperationException", 400),
        "rest": ("UnknownOperationException", 400),
        "query": ("InvalidAction", 400),
        "s3": ("NotImplemented", 400),
    },
    "foreign page": {
        "json": ("AccessDeniedException", 403),
        "rest": ("AccessDeniedException", 403),
        "query": ("AccessDenied", 403),
        "s3": ("AccessDenied", 403),
    },
    "too large": {
        "json": ("RequestEntityTooLargeException", 413),
        "rest": ("RequestEntityTooLargeException", 413),
        "query": ("RequestEntityTooLarge", 413),
        "s3": ("EntityTooLarge", 400),
    },
}


def family(service_id: str, protocol: str) -> str:
    """Which column of ``REFUSALS`` a request belongs to."""
    if service_id == "s3":
        return "s3"
    if protocol.startswith("rest-"):
        return "rest"
    return "query" if protocol in ("query", "ec2") else "json"
