"""DQDL text to values. The grammar's tree is folded into a Ruleset; what the grammar cannot say is checked after."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from awsgluedq.dqdl import model as m
from awsgluedq.dqdl.checks import problems_of

Listed = tuple[str, ...]
VERSION = ("Version",)
SOURCES = ("Primary", "AdditionalDataSources")


def parse(text: str) -> m.Ruleset:
    """The ruleset that a text says. Raises DqdlError with all problems found."""
    from lark import UnexpectedInput

    try:
        tree = _parser().parse(text.replace("\r\n", "\n").replace("\r", "\n"))
    except UnexpectedInput as error:
        raise m.DqdlError([_where(error, text)]) from None
    fold = _Fold()
    ruleset = fold.document(tree)
    problems = fold.problems + problems_of(ruleset)
    if problems:
        raise m.DqdlError(problems)
    return ruleset


@cache
def _parser() -> Any:
    from lark import Lark

    from awsgluedq.dqdl.grammar import GRAMMAR

    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


def _where(error: Any, text: str) -> str:
    line = getattr(error, "line", -1)
    if line is None or line < 1:
        return "Parsing Error: unexpected end of the ruleset"
    token = getattr(error, "token", None) or text[error.pos_in_stream : error.pos_in_stream + 1]
    return f"Parsing Error: line {line}:{error.column} unexpected {str(token)!r}"


def unquoted(token: str) -> str:
    r"""The text that a quoted string stands for: \" and \\ are escapes, other backslashes are themselves."""
    return re.sub(r'\\([\\"])', r"\1", str(token)[1:-1])


class _Fold:
    """Walks one tree."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._variables: dict[str, str | Listed] = {}
        self._defaults: dict[str, str] = {}

    def document(self, tree: Any) -> m.Ruleset:
        parts: dict[str, Any] = {"metadata": {}, "data_sources": {}, "rules": [], "analyzers": []}
        sections = [*tree.children[:-1], *tree.children[-1].children]
        for section in sections:
            if section.data == "variable":
                self._variable(section)
            elif section.data == "default_labels":
                self._defaults = self._pairs(section.children[0], "DefaultLabels")
            elif section.data in ("metadata", "data_sources"):
                parts[section.data] = self._dictionary(section)
            elif section.data == "rules":
                parts["rules"] = [self._any(one) for one in section.children]
            else:
                parts["analyzers"] = [self._analyzer(one) for one in section.children]
        return m.Ruleset(
            rules=tuple(self._labelled(rule) for rule in parts["rules"]),
            analyzers=tuple(parts["analyzers"]),
            metadata=parts["metadata"],
            primary=str(parts["data_sources"].get("Primary", "")),
            additional=tuple(parts["data_sources"].get("AdditionalDataSources", ())),
        )

    # -- sections ----------------------------------------------------------------------------------

    def _dictionary(self, section: Any) -> dict[str, Any]:
        name = "Metadata" if section.data == "metadata" else "DataSources"
        allowed = VERSION if name == "Metadata" else SOURCES
        made: dict[str, Any] = {}
        for entry in section.children[0].children:
            key, value = unquoted(entry.children[0]), entry.children[1]
            made[key] = (
                tuple(unquoted(one) for one in value.children) if hasattr(value, "data") else unquoted(value)
            )
            if key not in allowed:
                self.problems.append(f"{name}: unknown key {key!r}")
            elif isinstance(made[key], tuple) != (key == "AdditionalDataSources"):
                self.problems.append(f"{name}: {key!r} has a value of the wrong kind")
        if not made:
            self.problems.append(f"{name} is empty")
        return made

    def _variable(self, section: Any) -> None:
        name, value = str(section.children[0]), section.children[1]
        if name[0] in "._":
            self.problems.append(f"Variable {name}: a name cannot start with . or _")
        if name in self._variables:
            self.problems.append(f"Variable {name} is defined twice")
        members = value.children if value.data == "list" else [value]
        texts = []
        for one in members:
            if getattr(one, "data", "") == "string":
                texts.append(unquoted(one.children[0]))
            elif getattr(one, "data", "") == "keyword":
                texts.append(str(one.children[0]).upper())
            else:
                self.problems.append(f"Variable {name}: only texts and arrays of texts can be its value")
        if any(re.search(r"(?<!\\)\$[A-Za-z]", text) for text in texts):
            self.problems.append(f"Variable {name}: a variable cannot refer to another one")
        self._variables[name] = tuple(texts) if value.data == "list" else "".join(texts)

    def _pairs(self, tree: Any, owner: str) -> dict[str, str]:
        made: dict[str, str] = {}
        if not tree.children:
            self.problems.append(f"{owner}: the list of labels is empty")
        for pair in tree.children:
            key, value = (unquoted(one) for one in pair.children)
            if key in made:
                self.problems.append(f"{owner}: label {key!r} is given twice")
            if not 1 <= len(key) <= 128 or not 1 <= len(value) <= 256:
                self.problems.append(f"{owner}: label {key!r} is too long or empty")
            made[key] = value
        return made

    def _labelled(self, rule: m.AnyRule) -> m.AnyRule:
        labels = {**self._defaults, **rule.labels}
        if len(labels) > 10:
            self.problems.append("a rule has more than 10 labels")
        return m.with_labels(rule, labels)

    # -- rules -------------------------------------------------------------------------------------

    def _any(self, tree: Any) -> m.AnyRule:
        if tree.data == "rule":
            return self._rule(tree)
        if tree.data == "group":
            inner = self._any(tree.children[0])
            if len(tree.children) == 1:
                return inner
            return m.with_labels(inner, self._pairs(tree.children[1].children[0], "labels"))
        members = []
        for child in tree.children:
            made = self._any(child)
            # A chain of one operator is one composite.
            same = child.data == tree.data and isinstance(made, m.Composite)
            members += made.members if same and isinstance(made, m.Composite) else [made]
        return m.Composite(operator="AND" if tree.data == "both" else "OR", members=tuple(members))

    def _rule(self, tree: Any) -> m.Rule:
        name = str(tree.children[0])
        given: dict[str, Any] = {"parameters": []}
        tags: dict[str, str | Listed] = {}
        for child in tree.children[1:]:
            match child.data:
                case "parameter":
                    given["parameters"].append(self._parameter(child.children[0]))
                case "where":
                    given["where"] = unquoted(child.children[0])
                case "labels":
                    if "labels" in given:
                        self.problems.append(f"{name}: labels are given twice")
                    given["labels"] = self._pairs(child.children[0], name)
                case "tag":
                    self._tag(name, child, given, tags)
                case _:
                    given["condition"] = self._condition(child)
        given["parameters"] = tuple(given["parameters"])
        return m.Rule(type=name, tags=tags, **given)

    def _tag(self, owner: str, tree: Any, given: dict[str, Any], tags: dict[str, str | Listed]) -> None:
        name, condition = str(tree.children[0]), self._condition(tree.children[1])
        if name == "threshold":
            if "threshold" in given:
                self.problems.append(f"{owner}: more than one threshold")
            given["threshold"] = condition
            return
        if condition.operator != "=":
            self.problems.append(f"{owner}: tag {name} takes = only")
        if name in tags:
            self.problems.append(f"{owner}: tag {name} is given twice")
        values = tuple(_plain(one) for one in condition.operands)
        tags[name] = values if tree.children[1].data == "compare_list" else values[0]

    def _analyzer(self, tree: Any) -> m.Analyzer:
        tags: dict[str, str | Listed] = {}
        parameters = []
        for child in tree.children[1:]:
            if child.data == "tag":
                self._tag(str(tree.children[0]), child, {}, tags)
            else:
                parameters.append(self._parameter(child.children[0]))
        return m.Analyzer(type=str(tree.children[0]), parameters=tuple(parameters), tags=tags)

    def _parameter(self, token: Any) -> str:
        if token.type == "STRING":
            return unquoted(token)
        if token.type == "WORD":
            return str(token)
        value = self._value_of(token)
        if isinstance(value, tuple):
            self.problems.append(f"{token}: an array cannot be a parameter")
            return ""
        return value

    def _value_of(self, token: Any) -> str | Listed:
        name = str(token)[1:]
        if name not in self._variables:
            self.problems.append(f"Variable {name} is not defined")
        return self._variables.get(name, "")

    # -- conditions --------------------------------------------------------------------------------

    def _condition(self, tree: Any) -> m.Condition:
        children = list(tree.children)
        negated = getattr(children[0], "type", "") == "NOT"
        children = children[1:] if negated else children
        match tree.data:
            case "compare":
                return m.Condition(operator=str(children[0]), operands=(self._operand(children[1]),))  # type: ignore[arg-type]
            case "compare_list":
                return m.Condition(operator="=", operands=self._list(children[1]))
            case "between":
                low, high = (self._operand(one) for one in children)
                return m.Condition(operator="between", operands=(low, high), negated=negated)
            case "within":
                return m.Condition(operator="in", operands=self._list(children[0]), negated=negated)
            case _:
                pattern = children[0]
                text = unquoted(pattern) if pattern.type == "STRING" else self._value_of(pattern)
                if isinstance(text, tuple):
                    self.problems.append(f"{pattern}: an array is no pattern")
                    text = ""
                return m.Condition(operator="matches", operands=(m.Text(value=text),), negated=negated)

    def _list(self, tree: Any) -> tuple[m.Operand, ...]:
        if not hasattr(tree, "data"):
            value = self._value_of(tree)
            return tuple(_of_text(one) for one in ((value,) if isinstance(value, str) else value))
        made: list[m.Operand] = []
        for child in tree.children:
            if child.data == "variable_use":
                value = self._value_of(child.children[0])
                made += [_of_text(one) for one in ((value,) if isinstance(value, str) else value)]
            else:
                made.append(self._operand(child))
        if not made:
            self.problems.append("an array is empty")
        return tuple(made)

    def _operand(self, tree: Any) -> m.Operand:
        kinds: Mapping[str, Callable[[Any], m.Operand]] = {
            "number": lambda c: m.Number(text=str(c[0]), unit=str(c[1]) if len(c) > 1 else ""),
            "string": lambda c: m.Text(value=unquoted(c[0])),
            "keyword": lambda c: m.Keyword(name=str(c[0]).upper()),
            "parens": lambda c: m.Parens(inner=self._operand(c[0])),
            "call": lambda c: m.Call(name=str(c[0]), arguments=tuple(self._operand(one) for one in c[1:])),
            "binary": lambda c: m.Binary(
                operator=str(c[1]), left=self._operand(c[0]), right=self._operand(c[2])
            ),
            "variable_use": lambda c: self._text_of(c[0]),
        }
        return kinds[tree.data](tree.children)

    def _text_of(self, token: Any) -> m.Operand:
        value = self._value_of(token)
        if isinstance(value, tuple):
            self.problems.append(f"{token}: an array stands where one text has to be")
            return m.Text(value="")
        return _of_text(value)


def _of_text(text: str) -> m.Operand:
    return m.Keyword(name=text) if text in ("NULL", "EMPTY", "WHITESPACES_ONLY") else m.Text(value=text)


def _plain(operand: m.Operand) -> str:
    match operand:
        case m.Text(value=value):
            return value
        case m.Number(text=text):
            return text
        case _:
            from awsgluedq.dqdl.text import operand_text

            return operand_text(operand)
