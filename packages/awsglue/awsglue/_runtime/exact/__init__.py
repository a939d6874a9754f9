"""How plans and texts get Apache Spark's answers on the embedded engine: judged by types, written anew, or refused.

`typed` judges plans, `sql_proof` SQL text, `expression_text` the expressions that scripts give as text; `functions` has
what runs beside Spark have shown.
"""
