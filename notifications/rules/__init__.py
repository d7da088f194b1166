"""Alerts that follow from what becomes of a model's rows, written in ``alerts.py`` of any app.

``declaring`` and ``m2m`` connect them, ``conditions`` decide whether one applies, ``running`` runs it so that no save
fails by it, ``coalescing`` leaves one alert for each row and transaction; ``bulk`` is for what sends no signal.
"""
