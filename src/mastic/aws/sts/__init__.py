"""The security token service: who calls, and temporary credentials."""
