"""Thrift's binary protocol over TCP, for doors beside HTTP: bounded reading, a processor, a listener."""
