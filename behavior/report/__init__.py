"""What a user reads: page, overlay, tables, model card."""
