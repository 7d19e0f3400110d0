"""The report as a local page that saves corrections into the database."""
