"""Fetching: from a provider's server to the source folder, resumed, checked, unpacked."""
