"""torch's layers written out in elementary operations: the lessons in code."""
