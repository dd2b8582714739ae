"""Backups: a dump with its checksum, the proof that it restores, and a signed receipt of that proof."""
