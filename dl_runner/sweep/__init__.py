"""Many runs from one command line, which resumes them."""
