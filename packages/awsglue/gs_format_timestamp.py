"""Gives frames the method gs_format_timestamp: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_format_timestamp")
