"""Gives frames the method gs_array_to_cols: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_array_to_cols")
