"""Detection of sensitive data by patterns, check digits and the words around them. No model is asked."""
