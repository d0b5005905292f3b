"""Stands in for the application."""
