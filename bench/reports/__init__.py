"""Reports: tables, statistics, figures, the page."""
