"""The transforms of awsglueml on every engine: sensitive data, missing values, matching records."""

from __future__ import annotations

import hashlib
import random

import pytest

from awsglueml._entities.table import ENTITY_TYPES
from awsglueml._matching.groups import grouped
from awsglueml._matching.linkage import Edge
from awsglueml.transforms import EntityDetector, FillMissingValues, FindIncrementalMatches, FindMatches

# Type, a text, what is found of it at low sensitivity in a column whose name says nothing.
ENTITIES = [
    ("EMAIL", "mail me at joe.bloe+x@mail.example.com, ok @home a@b", ["joe.bloe+x@mail.example.com"]),
    ("CREDIT_CARD", "4111 1111 1111 1111, 4111-1111-1111-1112", ["4111 1111 1111 1111"]),
    ("CREDIT_CARD", "x 378282246310005 0000000000000000", ["378282246310005"]),
    ("IP_ADDRESS", "10.0.0.1:80, 2001:db8::1, 300.1.1.1, v1.2.3.4.5", ["10.0.0.1", "2001:db8::1"]),
    ("MAC_ADDRESS", "00:1A:2b:3c:4d:5e, 00:1a-2b:3c:4d:5e", ["00:1A:2b:3c:4d:5e"]),
    ("PHONE_NUMBER", "+1 (415) 555-2671 or +44 20 7946 0958", ["+1 (415) 555-2671", "+44 20 7946 0958"]),
    ("UK_PHONE_NUMBER", "020 7946 0958", ["020 7946 0958"]),
    ("USA_SSN", "536-90-4399, 000-12-3456, 536904399", ["536-90-4399"]),
    ("USA_SSN", "ssn 536904399", ["536904399"]),
    ("USA_ITIN", "912-70-1234, 812-70-1234", ["912-70-1234"]),
    ("USA_PASSPORT_NUMBER", "passport: 123456789", ["123456789"]),
    ("USA_PASSPORT_NUMBER", "order 123456789", []),
    ("USA_NATIONAL_PROVIDER_IDENTIFIER", "1234567893 1234567890", ["1234567893"]),
    ("USA_DEA_NUMBER", "AB1234563, AB1234564", ["AB1234563"]),
    ("USA_MEDICARE_BENEFICIARY_IDENTIFIER", "1EG4-TE5-MK73", ["1EG4-TE5-MK73"]),
    ("USA_NATIONAL_DRUG_CODE", "0777-3105-02", ["0777-3105-02"]),
    ("GERMANY_BANK_ACCOUNT", "DE89 3704 0044 0532 0130 00, DE88370400440532013000", ["DE89 3704 0044 0532 0130 00"]),
    ("UK_NATIONAL_INSURANCE_NUMBER", "AB 12 34 56 C, QQ123456C", ["AB 12 34 56 C"]),
    ("UK_NATIONAL_HEALTH_SERVICE_NUMBER", "943 476 5870, 943 476 5871", ["943 476 5870"]),
    ("SPAIN_DNI", "54362315K, 54362315Z", ["54362315K"]),
    ("ITALY_FISCAL_CODE", "RCCMNL83S18D969H", ["RCCMNL83S18D969H"]),
    ("BRAZIL_NATURAL_PERSON_REGISTRY_NUMBER", "390.533.447-05, 390.533.447-06", ["390.533.447-05"]),
    ("INDIA_PERMANENT_ACCOUNT_NUMBER", "ACUPA7085R", ["ACUPA7085R"]),
    ("NETHERLANDS_CITIZEN_SERVICE_NUMBER", "111222333, 111222334", ["111222333"]),
    ("DATE", "on 2024-01-02 or Jan 5, 2024, not 2024-13-02", ["2024-01-02", "Jan 5, 2024"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "found"), ENTITIES)
def test_entity_types(kind, text, found):
    assert [text[start:end] for start, end in ENTITY_TYPES[kind].spans(text, "col", high=False)] == found


def test_a_column_may_say_what_it_holds_and_sensitivity_may_do_without():
    kind = ENTITY_TYPES["USA_PASSPORT_NUMBER"]
    assert list(kind.spans("123456789", "passport_number", high=False)) == [(0, 9)]
    assert list(kind.spans("123456789", "x", high=True)) == [(0, 9)]


@pytest.mark.parametrize("name", sorted(ENTITY_TYPES))
def test_every_entity_type_can_be_looked_for(name):
    assert list(ENTITY_TYPES[name].spans("nothing to see 1", "col", high=True)) == []
    # Digits of every length get as far as the check of their digits.
    text = " ".join("1" * length for length in range(1, 24))
    assert all(start < end for start, end in ENTITY_TYPES[name].spans(text, "col", high=True))


BOTH = {"matchPattern": "x", "numLeftCharsToExclude": 1}
PEOPLE = [
    (1, "joe@x.com from 10.0.0.1", "536904399", 4111111111111111),
    (2, None, "x", None),
    (3, "ann@y.org", None, 1),
]
COLUMNS = "i int, `a.b` string, ssn string, card bigint"


def test_detect(frame, records):
    found = EntityDetector().detect(frame(COLUMNS, PEOPLE), ["EMAIL", "USA_SSN", "CREDIT_CARD", "IP_ADDRESS"])
    assert found.toDF().columns == ["i", "a.b", "ssn", "card", "DetectedEntities"]
    by_row = {one["i"]: one for one in records(found)}
    assert {i: one["DetectedEntities"] for i, one in by_row.items()} == {
        1: {
            "a.b": [
                {"entityType": "EMAIL", "actionUsed": "DETECT", "start": 0, "end": 9},
                {"entityType": "IP_ADDRESS", "actionUsed": "DETECT", "start": 15, "end": 23},
            ],
            "ssn": [{"entityType": "USA_SSN", "actionUsed": "DETECT", "start": 0, "end": 9}],
            "card": [{"entityType": "CREDIT_CARD", "actionUsed": "DETECT", "start": 0, "end": 16}],
        },
        2: {},
        3: {"a.b": [{"entityType": "EMAIL", "actionUsed": "DETECT", "start": 0, "end": 9}]},
    }
    assert by_row[1]["a.b"] == "joe@x.com from 10.0.0.1"


def test_actions(frame, records):
    source = frame("i int, mail string, ssn string, card string", [
        (1, "joe@x.com", "536904399", "4111111111111111"), (2, "none", "4", None)
    ])  # fmt: skip
    asked = {
        "EMAIL": [{"action": "REDACT", "sourceColumns": ["mail"], "actionOptions": {"redactText": "<mail>"}}],
        "USA_SSN": [{"action": "SHA256_HASH", "sourceColumnsToExclude": ["mail", "card"]}],
        "CREDIT_CARD": [
            {
                "action": "PARTIAL_REDACT",
                "sourceColumns": ["card"],
                "actionOptions": {
                    "numLeftCharsToExclude": "2",
                    "numRightCharsToExclude": 4,
                    "redactChar": "#",
                },
            }
        ],
    }
    found = {one["i"]: one for one in records(EntityDetector().detect(source, asked, "found", "HIGH"))}
    assert [found[1][name] for name in ("mail", "ssn", "card")] == [
        "<mail>",
        hashlib.sha256(b"536904399").hexdigest(),
        "41##########1111",
    ]
    assert [found[2][name] for name in ("mail", "ssn", "card")] == ["none", "4", None]
    assert found[1]["found"]["card"][0]["actionUsed"] == "PARTIAL_REDACT"
    pattern = {"CREDIT_CARD": [{"action": "PARTIAL_REDACT", "actionOptions": {"matchPattern": "[2-4]"}}]}
    found = {one["i"]: one for one in records(EntityDetector().detect(source, detectionParameters=pattern))}
    assert found[1]["card"] == "*111111111111111"


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        (["PERSON_NAME"], NotImplementedError, "PERSON_NAME"),
        ({"EMAIL": [{"action": "NOPE"}]}, ValueError, "action"),
        ({"EMAIL": [{"action": "DETECT", "actionOptions": {"redactText": "x"}}]}, ValueError, "redactText"),
        ({"EMAIL": [{"action": "REDACT", "sourceColumns": ["zz"]}]}, ValueError, "zz"),
        ({"EMAIL": [{"action": "REDACT", "sourceColumns": ["card"]}]}, ValueError, "numbers"),
        ({"EMAIL": [{"action": "REDACT"}], "DATE": [{"action": "SHA256_HASH"}]}, ValueError, "one action"),
        (
            {"DATE": [{"action": "PARTIAL_REDACT", "actionOptions": BOTH}]},
            ValueError,
            "matchPattern",
        ),
        ([], ValueError, "entity types"),
    ],
)  # fmt: skip
def test_what_cannot_be_detected_is_refused(frame, asked, kind, said):
    with pytest.raises(kind, match=said):
        EntityDetector().detect(frame(COLUMNS, PEOPLE), asked)


def test_unknown_entity_types_are_asked_of_the_account(frame, server):
    with pytest.raises((ValueError, NotImplementedError), match="MY_TYPE"):
        EntityDetector().detect(frame(COLUMNS, PEOPLE), ["MY_TYPE"])


def test_classify_columns(frame):
    source = frame(COLUMNS, PEOPLE)
    kinds = ["EMAIL", "USA_SSN", "CREDIT_CARD"]
    assert EntityDetector().classify_columns(source, kinds, 1.0, 0.3) == {
        "a.b": ["EMAIL"],
        "ssn": ["USA_SSN"],
        "card": ["CREDIT_CARD"],
    }
    assert EntityDetector().classify_columns(source, kinds, 1.0, 0.5) == {"a.b": ["EMAIL"]}
    with pytest.raises(ValueError, match="thresholdFraction"):
        EntityDetector().classify_columns(source, kinds, 1.0, 5)


@pytest.fixture
def gaps():
    chance = random.Random(3)
    rows = []
    for i in range(120):
        x = chance.randint(0, 50)
        rows.append(
            (i, x, None if i % 7 == 0 else x * 2.0 + 1, "" if i % 9 == 0 else "hi" if x > 25 else "lo")
        )
    return rows


def test_fill_missing_numbers(frame, records, gaps):
    filled = FillMissingValues.apply(
        frame=frame("i int, x int, v double, c string", gaps), missing_values_column="v"
    )
    assert filled.toDF().dtypes[-1] == ("v_filled", "double")
    for one in records(filled):
        assert one["v_filled"] == pytest.approx(one["x"] * 2 + 1)
        assert one["v"] is None or one["v"] == one["v_filled"]


def test_fill_missing_texts(frame, records, gaps):
    filled = FillMissingValues.apply(frame("i int, x int, v double, c string", gaps), "c", "kind")
    rows = records(filled)
    assert sum(one["kind"] != ("hi" if one["x"] > 25 else "lo") for one in rows) <= 1
    assert all(one["c"] in ("", one["kind"]) for one in rows)


@pytest.mark.parametrize(
    ("column", "output", "said"),
    [("zz", "", "no column"), ("t", "", "neither"), ("v", "x", "already"), ("n", "", "at least")],
)
def test_what_cannot_be_filled(frame, column, output, said):
    source = frame("x int, v double, t array<int>, n int", [(1, 1.0, [1], None)] * 9)
    with pytest.raises(ValueError, match=said):
        FillMissingValues.apply(source, column, output)


FIRST = "anna bob carl dora emil fritz gina hans iris jan karl lisa mona nora otto paul".split()
LAST = "smith jones miller brown wilson moore taylor white martin garcia clark lewis".split()


@pytest.fixture
def alone(monkeypatch):
    """As on a laptop: nobody knows transforms, so matches are estimated from the data alone."""
    for name in ("AWS_ENDPOINT_URL", "MASTIC_CHANNEL_URL"):
        monkeypatch.delenv(name, raising=False)


PERSON = "number int, name string, city string, zip string, street string"


@pytest.fixture
def people():
    """(who, record): every third person is there twice, differently written."""
    chance, made = random.Random(5), []
    for who in range(120):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        city = chance.choice(["rome", "paris", "oslo", "bern"])
        digits, street = (
            str(chance.randint(10000, 99999)),
            f"{chance.randint(1, 99)} {chance.choice(LAST)} st",
        )
        made.append((who, (len(made), name, city, digits, street)))
        if who % 3 == 0:
            made.append((who, (len(made), name.upper()[:-1], city if who % 2 else None, digits, street)))
    return made


def test_find_matches(frame, records, people, alone):
    found = FindMatches.apply(
        frame=frame(PERSON, [one for _, one in people]),
        transformId="tfm-1",
        computeMatchConfidenceScores=True,
    )
    assert found.toDF().dtypes[-2:] == [("match_id", "bigint"), ("match_confidence_score", "double")]
    rows = {one["number"]: one for one in records(found)}
    groups: dict[int, set[int]] = {}
    for who, one in people:
        groups.setdefault(who, set()).add(rows[one[0]]["match_id"])
    # Everybody's records are together, and hardly anybody is with somebody else.
    assert sum(len(ids) == 1 for ids in groups.values()) >= len(groups) - 2
    assert len({one["match_id"] for one in rows.values()}) >= len(groups) - 2
    assert all(0 <= one["match_confidence_score"] <= 1 for one in rows.values())


def test_enforced_matches(frame, records, people, alone):
    labels = [
        ("s", "A", *people[2][1]),
        ("s", "A", *people[8][1]),
        ("s", "B", *people[0][1]),
        ("s", "C", *people[1][1]),
    ]
    found = FindMatches.apply(
        frame=frame(PERSON, [one for _, one in people]),
        transformId="tfm-1",
        enforcedMatches=frame(f"labeling_set_id string, label string, {PERSON}", labels),
    )
    ids = {one["number"]: one["match_id"] for one in records(found)}
    assert ids[people[2][1][0]] == ids[people[8][1][0]]
    assert ids[people[0][1][0]] != ids[people[1][1][0]]


def test_find_incremental_matches(frame, records, people, alone):
    known = FindMatches.apply(frame=frame(PERSON, [one for _, one in people]), transformId="tfm-1")
    before = {one["number"]: one["match_id"] for one in records(known)}
    new = [(900, *people[5][1][1:]), (901, "zed zebra", "rome", "00000", "1 nowhere")]
    found = FindIncrementalMatches.apply(
        existingFrame=known, incrementalFrame=frame(PERSON, new), transformId="tfm-1"
    )
    after = {one["number"]: one["match_id"] for one in records(found)}
    assert {number: after[number] for number in before} == before
    assert after[900] == before[people[5][1][0]]
    assert after[901] not in before.values()
    with pytest.raises(ValueError, match="match_id"):
        FindIncrementalMatches.apply(frame(PERSON, new), frame(PERSON, new), "tfm-1")


def test_groups_keep_what_is_known():
    edges = [Edge(left=0, right=1, probability=0.99), Edge(left=1, right=2, probability=0.95),
             Edge(left=2, right=3, probability=0.6)]  # fmt: skip
    assert grouped(4, edges, 0.9)[0] == [0, 0, 0, 1]
    # 0 and 2 are of different groups already: 1 goes to the likelier one.
    assert grouped(4, edges, 0.9, fixed={0: 7, 2: 9})[0] == [7, 7, 9, 10]
    assert grouped(4, edges, 0.9, different=[(0, 1)])[0] == [0, 1, 1, 2]
    assert grouped(4, edges, 0.9, same=[(2, 3)])[0] == [0, 0, 0, 0]
    assert grouped(4, [], 0.9)[1] == [1.0] * 4
