"""What differential runs against Spark 3.5.9 have shown about the engine's functions. Data only.

The runs: every example of Spark's own function documentation and a hundred further expressions, values and types
compared. What is not named here gave Spark's answer, or fails loudly on the engine.
"""

from __future__ import annotations

# Answers differ, whatever the arguments.
REFUSED = {
    "percentile_approx": "the result's type and value differ",
    "approx_percentile": "the result's type and value differ",
    "bround": "it rounds half up",
    "mode": "ties are resolved differently",
    "try_multiply": "overflow is not noticed",
    "try_subtract": "overflow is not noticed",
    "aes_encrypt": "another format of the cipher text",
    "timestamp_seconds": "fractions are cut off",
    "bitmap_bit_position": "another type",
    "bitmap_bucket_number": "another type",
    "weekday": "Sundays are another day",
    "initcap": "letters behind signs become capitals",
    "json_tuple": "numbers are written differently",
    "slice": "arrays that are too short are answered",
    "exp": "the last digit differs",
    # Java's own functions give these, and the last digit differs.
    **dict.fromkeys(
        (
            "acos acosh asin asinh atan atan2 atanh cbrt cos cosh cot csc sec sin sinh tan tanh expm1 ln log log10"
            " log1p log2"
        ).split(),
        "the last digit differs",
    ),
    "hypot": "large numbers are squared as whole numbers",
    "rint": "it rounds half up",
    **dict.fromkeys(
        "regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy corr".split(),
        "the last digits and types differ",
    ),
    **dict.fromkeys(
        (
            "approx_count_distinct hll_sketch_agg hll_sketch_estimate hll_union_agg histogram_numeric count_min_sketch"
            " bitmap_construct_agg bitmap_or_agg"
        ).split(),
        "estimates differ",
    ),
    "conv": "texts that are no numbers, and negative ones, are taken differently",
    "json_array_length": "objects are counted",
    "str_to_map": "keys that come twice are taken",
    "arrays_overlap": "nulls are seen beside empty arrays",
    "try_to_timestamp": "numbers are another unit",
    "to_timestamp_ltz": "numbers are another unit",
    "to_timestamp_ntz": "numbers are taken",
    "unix_seconds": "moments before 1970 are rounded up",
    "timestampdiff": "days that are not whole are counted",
    "try_avg": "decimals have another type",
    **dict.fromkeys(
        "to_binary try_to_binary unbase64 to_char to_varchar to_number try_to_number".split(),
        "what does not fit is taken differently",
    ),
    "raise_error": "the error is another",
    "assert_true": "the error is another",
    **dict.fromkeys(
        (
            "stddev stddev_pop stddev_samp std variance var_pop var_samp covar_pop covar_samp skewness kurtosis"
        ).split(),
        "the last digits differ",
    ),
}

# Right value, wrong integer type.
CAST_TO = {"datediff": "int", "date_diff": "int", "regexp_count": "int"}

# Right unless an argument is of this kind.
REFUSED_WITH = {
    "hash": "decimal",
    "xxhash64": "decimal",
    # Its places are taken for others.
    "negative": "decimal",
    "substring": "binary",
    "substr": "binary",
    "left": "binary",
    "right": "binary",
    "overlay": "binary",
}

# A double among their arguments becomes text: 1.0E10, not 10000000000.0.
TEXT_OF_ARGUMENTS = frozenset({"concat", "concat_ws", "||", "format_string", "printf", "elt"})

# A text that Spark's cast takes for a date, and the part of it that the engine's cast understands alike.
DATE_TEXT = (
    "(?s)^[ [:cntrl:]]*(?:([+-]?[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2})(?:[ T].*)?|([+-]?[0-9]{4,7}(?:-[0-9]{1,2})?))"
    "[ [:cntrl:]]*$",
    "$1$2",
)

# A text that Spark's cast takes for a whole number, and the number that the engine's cast understands alike.
WHOLE_TEXT = (
    "^[ [:cntrl:]]*(?:[+]|(-))?(?:([0-9]+)|([0-9]*)[.][0-9]*)[ [:cntrl:]]*$",
    "${1}0${2}${3}",
)

# Texts that Spark may take for numbers and the engine does not, by the type: with an exponent, a suffix, in base 16.
_EXPONENT = "^[ [:cntrl:]]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[eE][+-]?[0-9]+[ [:cntrl:]]*$"
_SUFFIX = "^[ [:cntrl:]]*[+-]?(0[xX].*|([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?[dDfF])[ [:cntrl:]]*$"
# Between control characters: Java cuts off all of them, the engine a few.
_PLAIN = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"
_CONTROLLED = (
    f"^ *[[:cntrl:]][ [:cntrl:]]*{_PLAIN}[ [:cntrl:]]*$|^[ [:cntrl:]]*{_PLAIN}[ [:cntrl:]]*[[:cntrl:]] *$"
)
NUMBER_TEXTS = {
    **dict.fromkeys(("DECIMAL", "DEC", "NUMERIC"), f"{_EXPONENT}|{_CONTROLLED}"),
    **dict.fromkeys(("DOUBLE", "FLOAT", "REAL"), f"{_SUFFIX}|{_CONTROLLED}"),
}
