"""The command `pcluster` of the tests: hands its call to the server, or, when there is none, to
the pcluster beside it."""

import os
import socket
import sys

LENGTH = 8


def main():
    # Of these, what is no dry run writes a template.
    writes = sys.argv[1:2] == ["create-cluster"] and "--dryrun" not in sys.argv
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect("\0" + ADDRESS + ("-templates" if writes else ""))
    except OSError:
        os.execv(sys.argv[0] + COLD, sys.argv)
    folder = os.getcwdb()
    arguments = b"\0".join(map(os.fsencode, sys.argv))
    environment = b"\0".join(b"%b=%b" % item for item in os.environb.items())
    call = b"\1".join([folder, arguments, environment])
    socket.send_fds(server, [len(call).to_bytes(LENGTH, "big")], [0, 1, 2])
    server.sendall(call)
    code = int(server.recv(16) or b"-9")
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


main()
