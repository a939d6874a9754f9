"""The job side of a run: how a script is started, which engine serves it, and how data is read and written.

Nothing here is part of AWS's public `awsglue` API; the public modules stand on `engine` and `channel` only.
"""
