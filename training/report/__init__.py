"""The evaluation report: from a bundle's answers on labelled rows to one HTML page, and JSON."""
