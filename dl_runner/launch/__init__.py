"""Jobs side by side on this machine, each in a process of its own. Imports no torch, but in the jobs' processes."""
