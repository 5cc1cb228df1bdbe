"""The corpus: index, plan, shards, manifest, and the reader."""
