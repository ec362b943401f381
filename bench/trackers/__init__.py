"""Trackers: each file exports finished studies to one tool."""
