"""Saved rules: alerts from models by rules that people make in the admin, without code.

``opening`` is what a project declares: which models, and what of them. ``models`` are the rules as rows, ``reading``
what is made of one, with its ``texts``, and its conditions by ``comparing``. ``current`` has the rules that are on,
``firing`` runs them when a row changes, and
``trials`` those that are tried; ``previewing`` looks at rows that are there. ``admin`` is where they are made,
``erasing`` takes people out of them, and ``checks`` is what ``manage.py check`` says.
"""
