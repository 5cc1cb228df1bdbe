"""Synthetic heads in the native download layouts of the nine sources."""
