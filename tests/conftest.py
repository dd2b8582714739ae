"""What every test shares: hypothesis without a deadline, since a busy machine makes no test wrong."""

from hypothesis import settings

settings.register_profile("stagenorm", deadline=None)
settings.load_profile("stagenorm")
