"""What of the neighbours may be asked: operations that would answer without doing anything real are not served.

Pure rules: no containers are run, nothing is exported into a place that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

import orjson

SERVICES = (
    "sqs", "sns", "kms", "secretsmanager", "ssm", "dynamodb", "dynamodbstreams", "stepfunctions", "ec2",
)  # fmt: skip
_NETWORKS = re.compile(
    r"(Create|Delete|Describe|Modify|Associate|Disassociate|Replace|Attach|Detach|Authorize|Revoke|Allocate"
    r"|Release|Get|Reset|Update|Reject|Accept)\w*"
    r"(Vpc|Vpcs|Subnet|Subnets|SecurityGroup|SecurityGroups|RouteTable|RouteTables|Route|Gateway|Gateways"
    r"|NetworkAcl|NetworkAcls|NetworkInterface|NetworkInterfaces|NetworkAclEntry|Address|Addresses|DhcpOptions"
    r"|VpcEndpoint|VpcEndpoints|PrefixList|PrefixLists|VpcAttribute|SubnetAttribute|AddressesAttribute"
    r"|SecurityGroupIngress|SecurityGroupEgress|SecurityGroupRules|RuleDescriptionsIngress"
    r"|RuleDescriptionsEgress|VpcEndpointServices|NetworkInterfaceAttribute|PeeringConnection"
    r"|PeeringConnections|CidrBlock|NetworkAclAssociation|RouteTableAssociation|EndpointServices|Tenancy)"
    r"|CreateTags|DeleteTags|DescribeTags|DescribeAvailabilityZones|DescribeRegions|DescribeAccountAttributes"
)
_ALLOWED: Mapping[str, re.Pattern[str]] = {
    "ec2": _NETWORKS,
    "ssm": re.compile(r"\w*Parameters?(ByPath|History|Version)?|\w*Tags(To|From|For)Resource"),
}
_REFUSED: Mapping[str, re.Pattern[str]] = {
    "dynamodb": re.compile(
        r"ImportTable|ExportTableToPointInTime|\w*KinesisStreamingDestination|\w*GlobalTable\w*"
    ),
    "kms": re.compile(r"\w*CustomKeyStores?"),
    "secretsmanager": re.compile(r"RotateSecret|ReplicateSecretToRegions"),
    "sns": re.compile(r"\w*(SMS|Sms|PhoneNumber|Platform)\w*"),
}


def objection(service: str, action: str) -> str | None:
    """Why an operation is not served; None when it is."""
    allowed, refused = _ALLOWED.get(service), _REFUSED.get(service)
    if (allowed is None or allowed.fullmatch(action)) and not (refused and refused.fullmatch(action)):
        return None
    return f"{service}:{action or '?'} is not implemented by Mastic"


def refusal(service: str, target: str, code: str, message: str) -> tuple[str, bytes]:
    """Content type and body of an error in the protocol that the caller spoke."""
    if target:
        return "application/x-amz-json-1.0", orjson.dumps({"__type": code, "message": message})
    if service == "ec2":
        inner = f"<Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        return "text/xml;charset=UTF-8", f"<Response>{inner}<RequestID>0</RequestID></Response>".encode()
    inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return "text/xml", f"<ErrorResponse>{inner}<RequestId>0</RequestId></ErrorResponse>".encode()
