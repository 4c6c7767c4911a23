"""`dlrun compare`: tables and pictures of the runs below a folder, from their files alone. Imports no torch."""
