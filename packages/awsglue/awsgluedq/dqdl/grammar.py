"""The grammar of DQDL, as Lark reads it. Data only."""

GRAMMAR = r"""
start: metadata? data_sources? variable* default_labels? body

body: rules analyzers? | analyzers

metadata: "Metadata" "=" dictionary
data_sources: "DataSources" "=" dictionary
dictionary: "{" [entry ("," entry)*] "}"
entry: STRING ":" (STRING | strings)
strings: "[" [STRING ("," STRING)*] "]"

variable: WORD "=" (value | list)
default_labels: "DefaultLabels" "=" pairs
pairs: "[" [pair ("," pair)*] "]"
pair: STRING "=" STRING

rules: "Rules" "=" "[" [any_of ("," any_of)*] "]"
analyzers: "Analyzers" "=" "[" [analyzer ("," analyzer)*] "]"
analyzer: WORD parameter* tag*

?any_of: all_of
       | any_of _OR all_of -> either
?all_of: one
       | all_of _AND one -> both
?one: rule
    | "(" any_of ")" -> group
    | "(" any_of ")" labels -> group

rule: WORD parameter* condition? where? (labels | tag)*
parameter: (_OF | _AND)? (STRING | WORD | VARIABLE)
where: "where" STRING
labels: "labels" "=" pairs
tag: "with" WORD tag_condition
?tag_condition: condition
              | EQUAL list -> compare_list

?condition: COMPARATOR expression -> compare
          | EQUAL expression -> compare
          | NOT? "between" expression _AND expression -> between
          | NOT? "in" (list | VARIABLE) -> within
          | NOT? "matches" (STRING | VARIABLE) -> matches

list: "[" [expression ("," expression)*] "]"
?expression: term
           | expression OPERATOR term -> binary
?term: value
     | "(" expression ")" -> parens
     | WORD "(" [expression ("," expression)*] ")" -> call
?value: STRING -> string
      | VARIABLE -> variable_use
      | NUMBER UNIT? -> number
      | NULL -> keyword
      | EMPTY -> keyword
      | WHITESPACES -> keyword

NOT: "not"
_OR.3: /(or|OR)(?![a-zA-Z0-9_.])/
_AND.3: /(and|AND)(?![a-zA-Z0-9_.])/
_OF.3: /(of|OF)(?![a-zA-Z0-9_.])/
NULL.3: /(null|NULL)(?![a-zA-Z0-9_.])/
EMPTY.3: /(empty|EMPTY)(?![a-zA-Z0-9_.])/
WHITESPACES.3: /(whitespaces_only|WHITESPACES_ONLY)(?![a-zA-Z0-9_.])/
UNIT.3: /(days|hours|minutes|KB|MB|GB|TB|B)(?![a-zA-Z0-9_.])/
EQUAL: "="
COMPARATOR: "!=" | ">=" | "<=" | ">" | "<"
OPERATOR: "+" | "-" | "*" | "/"
NUMBER.2: /-?\d+(\.\d+)?/
STRING: /"(?:\\.|[^"\\])*"/s
VARIABLE: /\$[a-zA-Z0-9_.]+/
WORD: /[a-zA-Z0-9_.]+/
COMMENT: /#[^\n]*/

%ignore /[ \t\n]+/
%ignore COMMENT
"""
