"""The sources: what is known of each dataset, and which files of a download are candidates."""
