"""PostgreSQL for flows of several servers."""

from tests.postgres import postgresql

__all__ = ["postgresql"]
