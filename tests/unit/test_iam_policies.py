"""Policy evaluation: wildcards, conditions, variables and the order of deny and allow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.aws.iam import managed, policies
from mastic.errors import ServiceError


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def decide(action: str, resource: str, *statements: dict[str, Any], **keys: Any) -> str:
    asked = policies.Request(
        action=action,
        resource=resource,
        keys={k.replace("__", ":").lower(): v if isinstance(v, list) else [v] for k, v in keys.items()},
    )
    return policies.evaluate(policies.parse(document(*statements)), asked).decision


ALLOW = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/secret/*"}


@pytest.mark.parametrize(
    ("action", "resource", "decision"),
    [
        ("s3:GetObject", "arn:aws:s3:::lake/a", "allowed"),
        ("S3:getobject", "arn:aws:s3:::lake/a", "allowed"),
        ("s3:PutObject", "arn:aws:s3:::lake/a", "implicitDeny"),
        ("s3:GetObject", "arn:aws:s3:::lake", "implicitDeny"),
        ("s3:GetObject", "arn:aws:s3:::LAKE/a", "implicitDeny"),
        ("s3:GetObject", "arn:aws:s3:::lake/secret/a", "explicitDeny"),
    ],
)
def test_deny_wins_then_allow(action: str, resource: str, decision: str) -> None:
    assert decide(action, resource, ALLOW, DENY) == decision


def test_not_action_and_not_resource() -> None:
    but = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret*"}
    assert decide("glue:GetJob", "arn:aws:glue:::job/a", but) == "allowed"
    assert decide("iam:GetRole", "arn:aws:glue:::job/a", but) == "implicitDeny"
    assert decide("s3:GetObject", "arn:aws:s3:::secrets/a", but) == "implicitDeny"


@pytest.mark.parametrize(
    ("operator", "wanted", "given_values", "holds"),
    [
        ("StringEquals", "a", ["a"], True),
        ("StringEquals", ["b", "a"], ["a"], True),
        ("StringNotEquals", ["b", "a"], ["a"], False),
        ("StringNotEquals", "b", None, True),
        ("StringEquals", "b", None, False),
        ("StringEqualsIfExists", "b", None, True),
        ("StringLike", "gl?e-*", ["glue-1"], True),
        ("StringNotLike", "gl?e-*", ["glue-1"], False),
        ("StringEqualsIgnoreCase", "ABC", ["abc"], True),
        ("NumericLessThan", "10", ["9.5"], True),
        ("NumericGreaterThanEquals", 10, ["9.5"], False),
        ("NumericEquals", "1", ["one"], False),
        ("Bool", "true", ["true"], True),
        ("Bool", True, ["false"], False),
        ("IpAddress", "10.0.0.0/8", ["10.1.2.3"], True),
        ("NotIpAddress", "10.0.0.0/8", ["10.1.2.3"], False),
        ("DateGreaterThan", "2024-01-01T00:00:00Z", ["2025-01-01T00:00:00Z"], True),
        ("DateLessThan", "2024-01-01T00:00:00Z", ["1735689600"], False),
        ("ArnLike", "arn:aws:s3:::*", ["arn:aws:s3:::lake"], True),
        ("ArnLike", "arn:aws:*", ["arn:aws:s3:::lake"], False),
        ("Null", "true", None, True),
        ("Null", "false", ["x"], True),
        ("Null", "true", ["x"], False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a"], None, False),
    ],
)
def test_conditions(operator: str, wanted: Any, given_values: list[str] | None, holds: bool) -> None:
    statement = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {operator: {"x:Key": wanted}},
    }
    keys = {} if given_values is None else {"x__key": given_values}
    assert (decide("a:B", "*", statement, **keys) == "allowed") is holds


def test_variables_stand_for_the_callers_values() -> None:
    home = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}
    assert decide("s3:GetObject", "arn:aws:s3:::home/ann/x", home, aws__username="ann") == "allowed"
    assert decide("s3:GetObject", "arn:aws:s3:::home/bob/x", home, aws__username="ann") == "implicitDeny"
    assert decide("s3:GetObject", "arn:aws:s3:::home//x", home) == "implicitDeny"


def test_missing_context_keys_are_named() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*",
                 "Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}  # fmt: skip
    asked = policies.Request(action="a:B", keys={})
    assert policies.evaluate(policies.parse(document(statement)), asked).missing == ("aws:SourceVpc",)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        ('{"Version":"2013-10-17","Statement":[]}', "Syntax errors in policy."),
        (document({"Effect": "Permit", "Action": "*", "Resource": "*"}), "Syntax errors in policy."),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document({"Effect": "Allow", "Action": "*"}), "Policy statement must contain resources."),
        (
            document({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}),
            "Policy document should not specify a principal.",
        ),
        (
            document({"Effect": "Allow", "Action": "*", "Resource": "lake"}),
            'Resource lake must be in ARN format or "*".',
        ),
        (
            document(
                {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Sounds": {"a:b": "c"}}}
            ),
            "Invalid Condition type : Sounds.",
        ),
    ],
)
def test_what_cannot_be_stored(bad: str, message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        policies.check_identity(bad)
    assert (refused.value.code, refused.value.message) == ("MalformedPolicyDocument", message)


def test_the_documents_that_aws_manages_are_sound() -> None:
    for each in managed.listing():
        policies.check_identity(each.document)
        assert each.arn == f"arn:aws:iam::aws:policy{each.path}{each.name}"
    assert managed.find("arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole") is not None


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=8))
def test_wildcards_agree_with_a_plain_matcher(pattern: str, text: str) -> None:
    def matches(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return any(matches(p[1:], t[i:]) for i in range(len(t) + 1))
        return bool(t) and p[0] in (t[0], "?") and matches(p[1:], t[1:])

    assert (policies.wildcard(pattern).fullmatch(text) is not None) == matches(pattern, text)
