"""Gives frames the method gs_to_timestamp: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_to_timestamp")
