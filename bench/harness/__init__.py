"""What `run.py` is made of: contestants, tools, measuring, results."""
