"""What brings each block back on the day it is about to be forgotten."""
