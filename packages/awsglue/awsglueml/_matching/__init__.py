"""Records that mean the same thing, by Splink (Fellegi and Sunter's model, estimated from the data) on DuckDB."""
