"""Several trainings and a picture of what they show. One module for each lesson."""
