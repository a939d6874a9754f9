"""Gives frames the method gs_null_rows: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_null_rows")
