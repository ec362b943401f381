"""The shelf of sections of the report: one file and one template are one section.

Files that start with an underscore hold the page and what sections share.
"""
