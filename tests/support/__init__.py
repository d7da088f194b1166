"""Parts that tests share: real servers, clients and waiting. Fixtures made of them are in ``tests/conftest.py``."""
