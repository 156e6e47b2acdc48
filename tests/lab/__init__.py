"""What the stories in tests/interop are played with: real servers, real sound and scripted peers on one machine.

`install.sh` installs it; the modules here start it, each for one run alone.
"""
