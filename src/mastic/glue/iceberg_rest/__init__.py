"""The Iceberg REST catalog at ``/iceberg``: the catalog's tables and views as Iceberg's own clients ask for them."""
