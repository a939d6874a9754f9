"""The Connect client as Glue scripts expect PySpark: its public classes, functions in Python, what plans are made of.

Of the embedded engine and of Spark Connect servers alike; it knows neither of them.
"""
