"""Starts a command with descriptor 3 connected to the UNIX socket at a path: launch.py PATH COMMAND...

The host passes one end of a socket pair, which Java cannot make; a connected socket is the same to the harness.
"""

import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect(sys.argv[1])
os.dup2(connection.fileno(), 3)
os.set_inheritable(3, True)  # also where the connection was 3 already
os.execvp(sys.argv[2], sys.argv[2:])
