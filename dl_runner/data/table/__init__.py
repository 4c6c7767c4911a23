"""Tables: files of rows and columns, read into numbers and categories."""
