"""The embedded engine: Sail in this process, spoken to by the Connect client (`client`), behind the judge (`exact`).

Its server, its session, its reads, and what plans become before they are sent.
"""
