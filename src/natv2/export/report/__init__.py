"""What exporting is told by: tables, figures, sentences."""
