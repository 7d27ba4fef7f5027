"""Many runs from one file: planned, started some at a time, resumed, told as a table."""
