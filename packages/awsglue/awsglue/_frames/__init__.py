"""How DynamicFrames are carried by an engine's DataFrames.

A DynamicFrame is a DataFrame plus a Glue schema. Where the schema has a ChoiceType, the DataFrame has a struct with one
field per type, of which at most one is set; everything else maps one to one. All rewriting is done with SQL expression
text, which every engine's DataFrame API takes alike.
"""
