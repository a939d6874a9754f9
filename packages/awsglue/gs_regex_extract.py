"""Gives frames the method gs_regex_extract: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_regex_extract")
