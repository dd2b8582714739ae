"""Stored rows to canonical values."""
