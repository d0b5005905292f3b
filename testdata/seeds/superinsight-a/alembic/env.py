"""Stands in for the migrations."""
