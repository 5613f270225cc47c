"""The command line: its program, the tasks' frame, the arguments of the program in the container."""
