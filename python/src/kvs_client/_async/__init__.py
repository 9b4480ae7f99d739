"""The client for asyncio and trio. The blocking one is made from it by `tools/unasync.py`."""
