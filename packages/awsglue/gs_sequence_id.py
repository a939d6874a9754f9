"""Gives frames the method gs_sequence_id: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_sequence_id")
