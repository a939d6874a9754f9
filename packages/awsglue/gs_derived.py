"""Gives frames the method gs_derived: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_derived")
