"""`python -m readerstudy.work.pool FD`: a computing process, at the end of a pipe that the pool has opened."""

import sys

from readerstudy.work.pool.process import main

main(int(sys.argv[1]))
