"""The evaluation of rulesets over frames of the running engine."""
