"""Cards: find, read, check and override the TOML files that hold the numbers."""
