"""Gives frames the method gs_unpivot: a transform of Glue Studio's canvas."""

from awsglue._visual import enrich

enrich("gs_unpivot")
