"""Tables that lie with a download: collections, XML files and mappings, and what they say of each scan."""

from brains45k.sources.tables.collect import Tables, read_tables

__all__ = ["Tables", "read_tables"]
