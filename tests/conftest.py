"""Settings for all tests."""

from hypothesis import settings

# Timing never goes into a test: the first example may have to wait for a kernel to compile.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
