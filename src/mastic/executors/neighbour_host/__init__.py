"""Runs in the interpreter of the runtime "neighbours", never in the server's: hosts ministack's services.

Started by ``neighbours.py`` as a package of its own, so nothing here imports the rest of Mastic. The process reads
one line of JSON from standard input (where to keep state, a secret, how to reach the server), prints one line with
its port, and ends when its standard input does.

Only the services in ``host.SERVICES`` can be reached: their handlers are called directly; ministack's own router,
its administration and its other services are never asked. A change is in the state file, and the file on disk,
before its call is answered; one write answers all calls that arrived while the write before it was under way.
"""
